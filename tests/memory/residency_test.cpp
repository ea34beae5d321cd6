// Who is resident and who leaves.
#include "memory/residency.h"

#include <string>

#include "memory/world.h"

namespace kvasir::test {
namespace {

using Names = std::vector<std::string>;

class Residents : public MemoryTest {};
KVASIR_BOTH_MODELS(Residents);

TEST_P(Residents, TheLeastRecentlyUsedLeavesFirst) {
    World world(options());
    for (const char* name : {"a", "b", "c"}) world.create(name, name);
    EXPECT_EQ(world.memory().resident(), (Names{"a", "b", "c"}));
    world.say("a", "hello");
    EXPECT_EQ(world.memory().resident(), (Names{"b", "c", "a"}));
    world.create("d", "d");
    EXPECT_EQ(world.memory().resident(), (Names{"c", "a", "d"}));
    ASSERT_TRUE(world.memory().load("b"));
    EXPECT_EQ(world.memory().resident(), (Names{"a", "d", "b"}));
    ASSERT_TRUE(world.memory().load("a"));
    EXPECT_EQ(world.memory().resident(), (Names{"d", "b", "a"}));
    ASSERT_TRUE(world.memory().list());
    ASSERT_TRUE(world.memory().show("d"));
    ASSERT_TRUE(world.memory().save_all());
    EXPECT_EQ(world.memory().resident(), (Names{"d", "b", "a"}));
    world.say("c", "back");
    EXPECT_EQ(world.memory().resident(), (Names{"b", "a", "c"}));
    ASSERT_TRUE(world.memory().evict("a"));
    EXPECT_EQ(world.memory().resident(), (Names{"b", "c"}));
    EXPECT_EQ(world.engine().open_sequences(), 2U);
}

TEST_P(Residents, StatesAreShown) {
    World world(options());
    world.create("ada", words(40));
    EXPECT_EQ(world.memory().show("ada")->state, AgentState::kReady);
    MessageOptions message;
    AgentState while_speaking = AgentState::kEmpty;
    message.on_progress = [&](TurnPhase, Position, Position) {
        while_speaking = world.memory().show("ada")->state;
    };
    ASSERT_TRUE(world.memory().message("ada", "hello", message));
    EXPECT_EQ(while_speaking, AgentState::kActive);
    ASSERT_TRUE(world.memory().evict("ada"));
    EXPECT_EQ(world.memory().show("ada")->state, AgentState::kStored);
    EXPECT_EQ(world.memory().show("ada")->kv_memory_bytes, 0U);
}

TEST_P(Residents, MemoryUsageAddsUp) {
    World world(options());
    world.create("ada", words(40));
    world.create("eve", words(80, 'e'));  // nothing that ada has, too
    const MemoryUsage usage = world.memory().memory_usage();
    const EngineMemory engine = world.engine().memory();
    EXPECT_EQ(usage.reserved_bytes, engine.weights_bytes + engine.kv_pool_bytes + engine.compute_bytes);
    ASSERT_EQ(usage.agents.size(), 2U);
    EXPECT_EQ(usage.agents[0].cache_tokens, world.memory().show("ada")->token_count);
    EXPECT_EQ(usage.agents[0].kv_bytes, world.memory().show("ada")->kv_memory_bytes);
    EXPECT_GT(usage.agents[1].kv_bytes, usage.agents[0].kv_bytes);
    EXPECT_EQ(usage.cells.append_used, usage.agents[0].cache_tokens + usage.agents[1].cache_tokens);
    EXPECT_GT(usage.total_bytes, 1'000'000U);
}

TEST(Residency, KeepsTheOrderOfUse) {
    Residency residency;
    for (const char* name : {"a", "b", "c"}) {
        ResidentAgent agent;
        agent.record.name = name;
        residency.add(std::move(agent));
    }
    const auto first = [&](const Spared& spared) -> std::string {
        const ResidentAgent* leaving = residency.least_recent(spared);
        return leaving == nullptr ? "nobody" : leaving->record.name;
    };
    EXPECT_EQ(first({.kept = residency.find("a"), .name = "a"}), "b");
    residency.touch(*residency.find("a"));
    EXPECT_EQ(residency.names(), (Names{"b", "c", "a"}));
    EXPECT_EQ(first({.rather = residency.find("b")}), "c") << "who is rather spared leaves after others";
    residency.find("c")->record.pinned = residency.find("a")->record.pinned = Pinned::kYes;
    EXPECT_EQ(first({.rather = residency.find("b")}), "b") << "but before those that are pinned";
    residency.find("c")->record.pinned = residency.find("a")->record.pinned = Pinned::kNo;
    residency.remove(*residency.find("b"));
    EXPECT_EQ(residency.find("b"), nullptr);
    EXPECT_EQ(first({}), "c");
    EXPECT_EQ(first({.name = "c"}), "a") << "others first";
    residency.find("c")->busy = AgentState::kActive;
    EXPECT_EQ(first({}), "a") << "who speaks stays";
    residency.remove(*residency.find("a"));
    EXPECT_EQ(first({}), "nobody");
}

}  // namespace
}  // namespace kvasir::test
