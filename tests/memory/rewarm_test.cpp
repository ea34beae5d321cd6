// After a change of KV type agents are read again before they are spoken to: the last used first, and nobody
// counts as used by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/world.h"

namespace kvasir::test {
namespace {

using testing::ElementsAre;

class Rewarming : public testing::TestWithParam<const char*> {};
KVASIR_ALL_FAMILIES(Rewarming);

Status rewarm(AgentMemory& memory, const std::string& name) {
    KVASIR_TRY_ASSIGN(const RewarmCandidate candidate, memory.rewarm_candidate(name));
    KVASIR_TRY(memory.load(name).map([](const LoadResult&) {}));
    return memory.end_rewarm(candidate);
}

TEST_P(Rewarming, MakesKvOfOtherSettingsAgain) {
    WorldOptions options;
    options.engine = engine_of_family(GetParam());
    World world(options);
    for (const char* name : {"ada", "bob", "carl"}) {
        world.create(name, "You are " + std::string(name) + ". " + words(300));
        world.say(name, "first");
    }
    world.say("bob", "second");
    FakeEngineOptions other = options.engine;
    other.kv_type = "q8_0";
    world.restart(other);
    AgentMemory& memory = world.memory();
    const auto names = memory.names_by_heat();
    ASSERT_TRUE(names);
    EXPECT_THAT(*names, ElementsAre("bob", "carl", "ada"));
    const auto cold = memory.rewarm_candidate("bob");
    ASSERT_TRUE(cold);
    EXPECT_EQ(cold->tokens_to_read, world.exact().tokens("bob").size() - 1);
    const auto before = memory.show("bob");
    const Status done = rewarm(memory, "bob");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(memory.rewarm_candidate("bob")->tokens_to_read, 0U);
    EXPECT_EQ(memory.show("bob")->last_used_unix_ms, before->last_used_unix_ms);
    EXPECT_TRUE(memory.resident().empty());
    world.restart(other);
    EXPECT_EQ(world.say("bob", "third").metrics.reused_tokens, cold->tokens_to_read);
    // The control: who was left out is read when he speaks.
    const TurnResult turn = world.say("ada", "second");
    EXPECT_LT(turn.metrics.reused_tokens, turn.metrics.evaluated_tokens);
}

TEST(RewarmingOthers, AgentsOfAnotherModelAreNotOurs) {
    WorldOptions options;
    options.engine = plain_engine();
    World world(options);
    world.create("ada", "You are Ada.");
    FakeEngineOptions other = options.engine;
    other.weights = "others";
    world.restart(other);
    EXPECT_TRUE(world.memory().names_by_heat()->empty());
    EXPECT_EQ(world.memory().rewarm_candidate("ada").error().code, ErrorCode::kModelUnusable);
    EXPECT_EQ(world.memory().rewarm_candidate("nobody").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace kvasir::test
