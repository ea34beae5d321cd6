// Where restores end on every family: after a restart and without one, a conversation that goes on, is asked
// again, edited or cut reads no more than what changed and the little that lies before the next point. And
// what is kept for that, and what not.
#include "memory/restore_points.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/sending_client.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Position kGenerationPrompt = 11;  // "<|im_start|>assistant\n"

class RestorePoints : public testing::TestWithParam<const char*> {
  protected:
    WorldOptions options() const {
        WorldOptions options;
        options.engine = engine_of_family(GetParam());
        options.engine.context_tokens = 8000;
        return options;
    }
    bool has_snapshot() const { return engine_of_family(GetParam()).snapshot != SnapshotForm::kNone; }
    bool keeps_points() const { return std::string(GetParam()) != "plain"; }
    // On plain models less than 16 tokens out of a longer block are read again instead.
    Position slack() const { return keeps_points() ? 0 : 15; }
    // A conversation of some turns; `before` is the client as it was before the last of them.
    static void converse(Client& client, Client& before, int turns = 4) {
        for (int i = 0; i < turns; ++i) {
            before = client;
            client.say("turn " + std::to_string(i) + " " + words(200));
        }
    }
    static void restart_if(World& world, bool restarts) {
        if (restarts) world.restart();
    }
};
KVASIR_ALL_FAMILIES(RestorePoints);

TEST_P(RestorePoints, GoingOnReadsTheNewMessage) {
    for (const bool restarts : {false, true}) {
        World world(options());
        Client client(world, "ada", "You are Ada. " + words(300));
        Client before = client;
        converse(client, before);
        restart_if(world, restarts);
        const std::size_t tokens = client.tokens();
        const TurnResult turn = client.say("next");
        EXPECT_EQ(turn.metrics.reused_tokens, tokens - 1);
        EXPECT_EQ(turn.metrics.not_reused_reason, "");
        EXPECT_EQ(turn.warning, "");
    }
}

TEST_P(RestorePoints, TheSamePromptAgainReadsTheGenerationPromptAtMost) {
    for (const bool restarts : {false, true}) {
        World world(options());
        Client client(world, "ada", "You are Ada. " + words(300));
        Client before = client;
        converse(client, before);
        restart_if(world, restarts);
        const TurnResult turn = before.say("turn 3 " + words(200));
        EXPECT_LE(turn.metrics.evaluated_tokens, has_snapshot() ? kGenerationPrompt : 1U);
        EXPECT_EQ(turn.metrics.not_reused_reason, "");
    }
}

TEST_P(RestorePoints, AnEditedLastMessageReadsThatTurn) {
    for (const bool restarts : {false, true}) {
        World world(options());
        Client client(world, "ada", "You are Ada. " + words(300));
        Client before = client;
        converse(client, before);
        restart_if(world, restarts);
        const std::size_t tokens = before.tokens();
        const TurnResult turn = before.say("edited " + words(150));
        EXPECT_GE(turn.metrics.reused_tokens + slack(), tokens - 1);
        // And once more, from the sibling.
        restart_if(world, restarts);
        before.say("goes on");
        client.say("so does the other line");
    }
}

TEST_P(RestorePoints, ARollbackGoesOnWhereItIs) {
    World world(options());
    world.create("ada", "You are Ada. " + words(300));
    std::vector<ExactAgents> then;
    std::vector<Position> tokens;
    for (int i = 0; i < 5; ++i) {
        then.push_back(world.exact());
        tokens.push_back(world.memory().show("ada")->token_count);
        world.say("ada", "turn " + std::to_string(i) + " " + words(200));
    }
    for (const std::uint32_t to : {4U, 3U, 1U}) {
        world.restart();
        ASSERT_TRUE(world.memory().roll_back("ada", to));
        world.exact().copy("ada", then[to], "ada");
        const TurnResult turn = world.say("ada", "another way");
        EXPECT_GE(turn.metrics.reused_tokens + slack(), tokens[to] - 1) << "to turn " << to;
        then.resize(to + 1);
        then.push_back(world.exact());
        tokens.resize(to + 1);
        tokens.push_back(world.memory().show("ada")->token_count);
    }
}

TEST_P(RestorePoints, AForkAtAnEarlierTurnBeginsThere) {
    World world(options());
    world.create("ada", "You are Ada. " + words(300));
    ExactAgents then;
    Position tokens = 0;
    for (int i = 0; i < 5; ++i) {
        if (i == 3) {
            then = world.exact();
            tokens = world.memory().show("ada")->token_count;
        }
        world.say("ada", "turn " + std::to_string(i) + " " + words(200));
    }
    ASSERT_TRUE(world.memory().fork("ada", "bob", 3));
    world.restart();
    world.exact().copy("bob", then, "ada");
    const TurnResult turn = world.say("bob", "I am Bob.");
    EXPECT_GE(turn.metrics.reused_tokens + slack(), tokens - 1);
    world.say("ada", "And I am Ada.");
    ASSERT_TRUE(world.memory().remove("ada"));
    world.restart();
    world.say("bob", "Alone now.");
}

TEST_P(RestorePoints, WhatIsKeptIsBoundedAndTheBeginningStays) {
    World world(options());
    Client client(world, "ada", "You are Ada. " + words(100));
    std::vector<Client> then;
    for (int i = 0; i < 40; ++i) {
        then.push_back(client);
        client.say("turn " + std::to_string(i) + " " + words(60));
    }
    const auto states = world.block_files(BlockKind::kSnapshot).size();
    if (!has_snapshot()) {
        EXPECT_EQ(states, 0U);
    } else {
        EXPECT_LE(states, 24U);
        EXPECT_GT(states, 12U);
    }
    EXPECT_EQ(world.store().catalog().totals()->snapshots, states);
    world.restart();
    // Somewhere in the middle: there is a point not far before it, and at the beginning the end of the
    // prefix.
    for (const std::size_t at : {std::size_t{30}, std::size_t{20}, std::size_t{1}}) {
        const std::size_t tokens = then[at].tokens();
        const TurnResult turn = then[at].say("another turn");
        EXPECT_GT(turn.metrics.reused_tokens, 100U);
        EXPECT_GE(turn.metrics.reused_tokens * 2, tokens) << "at " << at;
        if (turn.metrics.reused_tokens + 1 < tokens && keeps_points()) {
            EXPECT_EQ(turn.metrics.not_reused_reason, "no_restore_point");
        }
    }
}

TEST_P(RestorePoints, ATurnWritesTwoStatesAtMost) {
    if (!has_snapshot()) GTEST_SKIP() << "no states";
    World world(options());
    world.create("ada", "You are Ada. " + words(300));
    for (int i = 0; i < 6; ++i) {
        const TurnResult turn = world.say("ada", "turn " + std::to_string(i) + " " + words(200));
        const Position end = world.memory().show("ada")->token_count;
        EXPECT_GT(turn.metrics.snapshot_bytes_written, 0U);
        EXPECT_LE(turn.metrics.snapshot_bytes_written, 2 * world.engine().fake().snapshot_bytes(end));
    }
}

void flip_byte(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-40, std::ios::end);
    const char byte = static_cast<char>(file.peek() ^ 1);
    file.seekp(-40, std::ios::end);
    file.put(byte);
}

TEST_P(RestorePoints, ADamagedStateIsNeverUsedAndTheNextPointIs) {
    if (!has_snapshot()) GTEST_SKIP() << "no states";
    World world(options());
    world.create("ada", "You are Ada. " + words(300));
    for (int i = 0; i < 3; ++i) world.say("ada", "turn " + std::to_string(i) + " " + words(200));
    const auto files = world.block_files(BlockKind::kSnapshot);
    const auto ada = world.store().catalog().agent("ada");
    ASSERT_TRUE(ada);
    // Only the last one, which the next message would need.
    Position end = 0;
    std::string path;
    const auto blocks = *world.store().catalog().referenced_blocks(ada->id);
    for (const StoredBlock& block : blocks) {
        if (block.kind != BlockKind::kSnapshot || block.range.end < end) continue;
        end = block.range.end;
        path = world.store().blocks().path_of(block.kind, block.name);
    }
    flip_byte(path);
    world.restart();
    const TurnResult turn = world.say("ada", "go on");
    EXPECT_EQ(turn.metrics.not_reused_reason, "damaged");
    EXPECT_LT(turn.metrics.reused_tokens, end);
    EXPECT_GT(turn.metrics.reused_tokens, 300U) << "the point before it";
    EXPECT_THAT(turn.warning, HasSubstr("could not be used"));
    EXPECT_EQ(world.quarantined().size(), 2U) << "the file, and why";
    world.restart();
    EXPECT_EQ(world.say("ada", "healed").metrics.not_reused_reason, "");
}

TEST_P(RestorePoints, FilesOfAnErasedAgentGo) {
    World world(options());
    world.create("ada", "You are Ada. " + words(300));
    for (int i = 0; i < 3; ++i) world.say("ada", "turn " + std::to_string(i) + " " + words(200));
    ASSERT_TRUE(world.memory().remove("ada"));
    for (const BlockKindInfo& kind : kBlockKinds)
        EXPECT_TRUE(world.block_files(kind.kind).empty()) << kind.name;
}

TEST_P(RestorePoints, AgentsOfOnePromptShareItsState) {
    World world(options());
    const std::string prompt = "You are one of many. " + words(600);
    world.create("agent-0", prompt);
    const auto states = world.block_files(BlockKind::kSnapshot);
    for (int i = 1; i < 5; ++i) {
        const CreateResult next = world.create("agent-" + std::to_string(i), prompt);
        EXPECT_EQ(next.evaluated_tokens, 0U);
        EXPECT_EQ(next.save.snapshot_bytes_written, 0U);
    }
    EXPECT_EQ(world.block_files(BlockKind::kSnapshot), states);
    for (int i = 0; i < 5; ++i) world.say("agent-" + std::to_string(i), "I am " + std::to_string(i));
}

TEST_P(RestorePoints, ATurnThatWasCancelledLeavesTheAgentAsItWas) {
    World world(options());
    world.create("ada", "You are Ada. " + words(300));
    world.say("ada", "first " + words(200));
    const Position tokens = world.memory().show("ada")->token_count;
    world.engine().fail_decode(1, 1, {ErrorCode::kIo, "broken"});
    MessageOptions message;
    EXPECT_FALSE(world.memory().message("ada", "does not work " + words(200), message));
    const TurnResult turn = world.say("ada", "again");
    EXPECT_GE(turn.metrics.reused_tokens, tokens - 1);
}

TEST(ThinOut, KeepsTheFirstTheNewestAndGrowingGaps) {
    std::vector<Position> points;
    for (Position i = 1; i <= 100; ++i) {
        points.push_back(i * 10);
        points = thin_out(points, 12);
        EXPECT_LE(points.size(), 12U);
    }
    EXPECT_EQ(points.front(), 10U);
    EXPECT_EQ(std::vector<Position>(points.end() - 5, points.end()),
              (std::vector<Position>{960, 970, 980, 990, 1000}));
    // Each gap is no wider than the way from it to the end.
    for (std::size_t i = 1; i + 1 < points.size(); ++i)
        EXPECT_LE(points[i] - points[i - 1], 2 * (1000 - points[i - 1])) << points[i];
    EXPECT_THAT(thin_out({1, 2, 3}, 12), ElementsAre(1U, 2U, 3U));
    EXPECT_EQ(thin_out({1, 2, 3, 4, 5, 6, 7, 8}, 0).size(), 6U) << "the last turns always stay";
}

TEST(PointsOfAPrompt, AreFewWhereStatesAreLarge) {
    Conversation conversation;
    conversation.turns.resize(1);
    conversation.turns[0].tokens.resize(50);
    Prompt prompt;
    prompt.tokens.resize(500);
    prompt.history_end = 50;
    prompt.message_end = 480;
    KvLayout layout;
    layout.window_tokens = 10;
    EXPECT_THAT(points_of_prompt(layout, conversation, prompt, 0), ElementsAre(50U, 480U, 499U));
    layout.snapshot_form = SnapshotForm::kParts;
    EXPECT_THAT(points_of_prompt(layout, conversation, prompt, 1000), ElementsAre(50U, 480U));
    EXPECT_THAT(points_of_prompt(layout, conversation, prompt, 400'000'000), ElementsAre(50U));
    prompt.message_end = 0;
    EXPECT_THAT(points_of_prompt(layout, conversation, prompt, 1000), ElementsAre(50U, 499U));
}

}  // namespace
}  // namespace kvasir::test
