// kill -9 of a process that commits turns: no turn that it had acknowledged is missing afterwards.
#include <csignal>
#include <random>

#include <sys/wait.h>
#include <unistd.h>

#include "store/catalog_fixture.h"

namespace kvasir::test {
namespace {

enum class Acknowledge { kAfterCommit, kBeforeCommit };

NewTurn numbered_turn(const AgentRecord& agent, std::uint32_t number) {
    return next_turn(agent, number, 100 + number % 400);
}

[[noreturn]] void commit_until_killed(const std::string& path, int acknowledgements, Acknowledge order) {
    auto catalog = value_of(Catalog::open(path));
    while (true) {
        const AgentRecord agent = value_of(catalog->agent("anna"));
        const std::uint32_t number = agent.turn_count + 1;
        const auto acknowledge = [&] {
            if (write(acknowledgements, &number, sizeof number) != sizeof number) _exit(1);
        };
        if (order == Acknowledge::kBeforeCommit) acknowledge();
        value_of(catalog->commit_turn(numbered_turn(agent, number), number));
        if (order == Acknowledge::kAfterCommit) acknowledge();
    }
}

// Starts a child, kills it at a random moment, and returns the last number it acknowledged.
std::uint32_t run_and_kill(const std::string& path, Acknowledge order, std::mt19937& random) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        commit_until_killed(path, ends[1], order);
    }
    close(ends[1]);
    std::uint32_t last = 0;
    std::uint32_t number = 0;
    for (auto left = 1 + random() % 15; left > 0; --left) {
        if (read(ends[0], &number, sizeof number) != sizeof number)
            throw std::runtime_error("the child died by itself");
        last = number;
    }
    usleep(static_cast<useconds_t>(random() % 3000));
    kill(child, SIGKILL);
    while (read(ends[0], &number, sizeof number) == sizeof number) last = number;
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return last;
}

struct Losses {
    int kills_with_loss = 0;
    std::uint32_t turns = 0;
};

Losses kill_many_times(int kills, Acknowledge order) {
    TemporaryDirectory directory;
    const std::string path = directory.file("kvasir.db");
    value_of(value_of(Catalog::open(path))->create_agent(new_agent("anna"), 1));
    std::mt19937 random(7);
    Losses losses;
    for (int i = 0; i < kills; ++i) {
        const std::uint32_t acknowledged = run_and_kill(path, order, random);
        auto catalog = value_of(Catalog::open(path));
        must(catalog->check());
        const AgentRecord agent = value_of(catalog->agent("anna"));
        if (agent.turn_count < acknowledged) ++losses.kills_with_loss;
        EXPECT_LE(agent.turn_count, acknowledged + 1);  // at most the one in flight
        std::vector<Token> expected = new_agent("anna").prefix_tokens;
        for (std::uint32_t number = 1; number <= agent.turn_count; ++number) {
            const std::vector<Token> tokens = tokens_of(number, 100 + number % 400);
            expected.insert(expected.end(), tokens.begin(), tokens.end());
        }
        EXPECT_EQ(value_of(catalog->tokens(agent.id)), expected);
        losses.turns = agent.turn_count;
    }
    return losses;
}

TEST(CatalogCrashTest, NoAcknowledgedTurnIsLostToKill9) {
    const Losses losses = kill_many_times(20, Acknowledge::kAfterCommit);
    EXPECT_EQ(losses.kills_with_loss, 0);
    EXPECT_GE(losses.turns, 20u);
}

TEST(CatalogCrashTest, ControlAcknowledgingBeforeTheCommitLosesTurns) {
    EXPECT_GT(kill_many_times(20, Acknowledge::kBeforeCommit).kills_with_loss, 0);
}

}  // namespace
}  // namespace kvasir::test
