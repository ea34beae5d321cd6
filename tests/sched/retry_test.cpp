// One request that is sent several times at once, under one Idempotency-Key: done once, told to all.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "memory/world.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {
namespace {

class SchedulingRetries : public testing::TestWithParam<History> {};
INSTANTIATE_TEST_SUITE_P(Histories, SchedulingRetries, testing::Values(History::kStored, History::kSent),
                         [](const auto& tested) {
                             return tested.param == History::kStored ? "held_here" : "sent_whole";
                         });

TEST_P(SchedulingRetries, AtOnceAreDoneOnce) {
    WorldOptions options;
    options.engine = plain_engine();
    options.engine.sequences = 4;
    options.memory.agents_resident_max = 4;
    World world(options);
    world.create("ada", "You are Ada.");
    SchedulerOptions scheduling;
    scheduling.active_turns_max = 4;
    const auto scheduler = Scheduler::start(scheduling, world.memory(), world.engine(), system_clock());
    std::atomic<bool> hold{true};
    ASSERT_TRUE(scheduler->run([&](AgentMemory&) {
        while (hold.load()) std::this_thread::yield();
    }));
    TurnRequest request;
    request.agent = "ada";
    request.history = GetParam();
    if (GetParam() == History::kSent)
        request.messages.push_back({Role::kSystem, "You are Ada.", {}, {}, {}, {}});
    request.messages.push_back({Role::kUser, "once", {}, {}, {}, {}});
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = 20;
    const auto submit = [&](const std::string& key) {
        auto listener = std::make_shared<WaitingListener>();
        request.idempotency_key = key;
        EXPECT_TRUE(scheduler->submit(request, listener, {}));
        return listener;
    };
    std::vector<std::shared_ptr<WaitingListener>> listeners;
    for (int i = 0; i < 4; ++i) listeners.push_back(submit("k1"));
    const auto other = submit("k2");
    hold.store(false);
    const std::string exact = world.exact().answer(world.engine().fake(), "ada", "once", 20);
    for (const auto& listener : listeners) {
        const auto turn = listener->wait();
        ASSERT_TRUE(turn) << turn.error().message;
        EXPECT_EQ(turn->text, exact);
        EXPECT_EQ(turn->turn, 1U);
    }
    ASSERT_TRUE(other->wait());
    std::atomic<std::size_t> turns{0};
    ASSERT_TRUE(scheduler->run([&](AgentMemory& memory) { turns = memory.turns("ada")->size(); }));
    scheduler->drain(1000);
    EXPECT_EQ(turns.load(), GetParam() == History::kStored ? 3U : 2U)
        << "the system prompt, k1, and k2 behind or beside it";
}

}  // namespace
}  // namespace kvasir::test
