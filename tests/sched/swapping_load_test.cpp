// Two models swap under load in memory for one: nobody is told anything but to come again, no KV is lost, and
// nobody hears another model's or another agent's words. The controls lose and mix, and are noticed.
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "sched/models_world.h"

namespace kvasir::test {
namespace {

constexpr int kAgentsOfEach = 3;
constexpr std::uint32_t kTurnsMin = 20;
constexpr std::uint32_t kTurnsMax = 40;  // however fast the machine is
constexpr std::uint64_t kLoadsMin = 6;   // of both models together: until then all go on
// A message, its frame, and the last token of what was there: what a turn reads when nothing is lost.
constexpr Position kNewTokensMax = 120;

struct Findings {
    std::mutex mutex;
    std::vector<std::string> errors;             // of another kind than "come again"
    int mixed_up = 0;                            // answers that are not the exact ones
    int read_again = 0;                          // turns that read what was known
    std::map<std::string, std::uint32_t> turns;  // by agent
};

std::uint64_t loads(ModelsWorld& world) {
    const auto models = world.models();
    return models[0].loads + models[1].loads;
}

ModelsWorldOptions swapping(const char* second) {
    ModelsWorldOptions options;
    options.families = {"plain", second};
    options.memory_bytes = kModelBytes + kModelBytes / 2;
    options.stay_ms = 5;
    return options;
}

std::string name_of(std::size_t model, int number) {
    return "agent-" + std::to_string(model) + "-" + std::to_string(number);
}

void talk(ModelsWorld& world, Findings& findings, std::size_t model, int number) {
    const std::string agent = name_of(model, number);
    for (std::uint32_t i = 0; i < kTurnsMin || (i < kTurnsMax && loads(world) < kLoadsMin); ++i) {
        const std::string text = "the secret of " + agent + " is " + std::to_string(i);
        const auto turn = world.say(agent, text);
        const std::string expected = world.expected(agent, model, text);
        const std::lock_guard lock(findings.mutex);
        ++findings.turns[agent];
        if (!turn) {
            findings.errors.push_back(agent + ": " + turn.error().message);
            continue;
        }
        findings.mixed_up += turn->text == expected ? 0 : 1;
        findings.read_again += turn->metrics.evaluated_tokens <= kNewTokensMax ? 0 : 1;
    }
}

void talk_all(ModelsWorld& world, Findings& findings) {
    std::vector<std::thread> talkers;
    for (std::size_t model = 0; model < 2; ++model) {
        for (int i = 0; i < kAgentsOfEach; ++i)
            talkers.emplace_back([&, model, i] { talk(world, findings, model, i); });
    }
    for (std::thread& talker : talkers) talker.join();
}

void create_all(ModelsWorld& world) {
    for (std::size_t model = 0; model < 2; ++model) {
        for (int i = 0; i < kAgentsOfEach; ++i) {
            const auto made = world.create(name_of(model, i), model);
            ASSERT_TRUE(made) << made.error().message;
        }
    }
}

class Swapping : public testing::TestWithParam<const char*> {};

TEST_P(Swapping, UnderLoadLosesNothingAndMixesNothing) {
    ModelsWorld world(swapping(GetParam()));
    create_all(world);
    Findings findings;
    talk_all(world, findings);
    EXPECT_TRUE(findings.errors.empty()) << findings.errors.front();
    EXPECT_EQ(findings.mixed_up, 0);
    EXPECT_EQ(findings.read_again, 0);
    for (const auto& [agent, turns] : findings.turns) EXPECT_GE(turns, kTurnsMin) << agent;
    EXPECT_EQ(findings.turns.size(), 2U * kAgentsOfEach);
    EXPECT_EQ(world.most_living, 1) << "memory was for one";
    EXPECT_GE(loads(world), kLoadsMin) << "they did not swap";
    RecordProperty("loads", static_cast<int>(loads(world)));
    RecordProperty("told_to_come_again", static_cast<int>(world.refused.load()));
    for (std::size_t model = 0; model < 2; ++model) {
        for (int i = 0; i < kAgentsOfEach; ++i)
            EXPECT_EQ(world.show(name_of(model, i)).turn_count, findings.turns[name_of(model, i)]);
    }
}
INSTANTIATE_TEST_SUITE_P(Models, Swapping, testing::Values("plain", "windowed", "hybrid", "opaque"),
                         [](const testing::TestParamInfo<const char*>& model) { return model.param; });

TEST(SwappingControl, KvThatIsLostIsNoticed) {
    ModelsWorld world(swapping("plain"));
    create_all(world);
    Findings before;
    talk_all(world, before);
    world.stop();
    for (const auto& file : std::filesystem::recursive_directory_iterator(world.root() + "/blocks")) {
        if (file.is_regular_file()) std::filesystem::remove(file.path());
    }
    world.restart();
    Findings findings;
    talk_all(world, findings);
    EXPECT_EQ(findings.mixed_up, 0) << "KV only makes things faster";
    EXPECT_GE(findings.read_again, 2 * kAgentsOfEach);
}

TEST(SwappingControl, AModelThatIsMixedUpIsNoticed) {
    ModelsWorld world(swapping("plain"));
    world.open_impostor(1, 0);
    create_all(world);
    Findings findings;
    talk_all(world, findings);
    EXPECT_GE(findings.mixed_up, kAgentsOfEach);
}

}  // namespace
}  // namespace kvasir::test
