// Everybody leaves and the engine's memory is given back; it returns with the next turn.
#include <gtest/gtest.h>

#include "memory/turn_run.h"
#include "memory/world.h"

namespace kvasir::test {
namespace {

class Rest : public MemoryTest {};
KVASIR_BOTH_MODELS(Rest);

TEST_P(Rest, NothingIsLostAndTheNextTurnGoesOn) {
    World world(options());
    for (const char* name : {"ada", "bob"}) {
        world.create(name, "You are " + std::string(name) + ".");
        world.say(name, "hello " + words(400));
    }
    const auto rested = world.memory().rest();
    ASSERT_TRUE(rested) << rested.error().message;
    EXPECT_EQ(rested->agents_evicted, 2U);
    EXPECT_GT(rested->bytes_given_back, 0U);
    EXPECT_TRUE(world.engine().rests());
    EXPECT_EQ(world.memory().memory_usage().engine.kv_pool_bytes, 0U);
    EXPECT_TRUE(world.memory().resident().empty());
    const auto agents = world.memory().list();
    ASSERT_TRUE(agents);
    for (const AgentInfo& agent : *agents) EXPECT_EQ(agent.state, AgentState::kStored);
    const TurnResult turn = world.say("ada", "and now?");
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    EXPECT_FALSE(world.engine().rests());
}

TEST_P(Rest, NotWhileATurnRuns) {
    World world(options());
    world.create("ada", "You are Ada.");
    TurnRequest request;
    request.agent = "ada";
    request.messages = {{Role::kUser, "hello", {}, {}, {}, {}}};
    auto run = world.memory().begin_turn(request, {});
    ASSERT_TRUE(run);
    EXPECT_EQ(world.memory().rest().error().code, ErrorCode::kConflict);
    run->reset();
    EXPECT_TRUE(world.memory().rest());
    world.say("ada", "hello");
}

TEST_P(Rest, NotWhenKvWouldBeLost) {
    World world(options());
    world.create("ada", "You are Ada.");
    world.disk().refuse_writes = Error{ErrorCode::kNoSpace, "the test says so"};
    world.say("ada", "hello " + words(400));
    EXPECT_EQ(world.memory().rest().error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(world.engine().rests());
    EXPECT_EQ(world.memory().resident().size(), 1U);
    world.disk().refuse_writes.reset();
    EXPECT_TRUE(world.memory().rest());
}

// Memory that was given back may be gone when it is wanted again.
class Tired final : public ForwardingEngine {
  public:
    Tired(std::unique_ptr<Engine> inner, const bool& refuses)
        : ForwardingEngine(std::move(inner)), refuses_(refuses) {}
    Result<SequenceId> open_sequence() override {
        if (refuses_) return fail(ErrorCode::kOutOfMemory, "no memory for the cells");
        return ForwardingEngine::open_sequence();
    }

  private:
    const bool& refuses_;
};

TEST_P(Rest, ATurnThatCannotHaveItIsRefusedAndNothingIsLost) {
    bool refuses = false;
    WorldOptions with = options();
    with.decorate = [&](std::unique_ptr<Engine> inner) {
        return std::make_unique<Tired>(std::move(inner), refuses);
    };
    World world(with);
    world.create("ada", "You are Ada.");
    world.say("ada", "hello");
    ASSERT_TRUE(world.memory().rest());
    refuses = true;
    EXPECT_EQ(world.memory().message("ada", "are you there?", {}).error().code, ErrorCode::kOutOfMemory);
    refuses = false;
    world.say("ada", "are you there?");
}

}  // namespace
}  // namespace kvasir::test
