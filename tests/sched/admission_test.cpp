// Few cells, many turns: who would not find room for the whole answer waits, and nobody fails half-way.
#include <gtest/gtest.h>

#include "memory/world.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {
namespace {

std::string name_of(int agent) { return "agent-" + std::to_string(agent); }

TEST(Admission, ATurnHasItsCellsFromTheStart) {
    constexpr int kAgents = 12;
    constexpr std::uint32_t kPromptWords =
        250;  // long enough that prompts alone do not fit beside each other
    constexpr std::uint32_t kAnswerTokens = 20;
    WorldOptions options;
    options.engine = plain_engine();
    options.engine.sequences = 4;
    options.engine.append_cells = 700;  // two of these turns, not three
    options.memory.agents_resident_max = 4;
    World world(options);
    for (int i = 0; i < kAgents; ++i) world.create(name_of(i), "You are number " + std::to_string(i));
    SchedulerOptions scheduling;
    scheduling.active_turns_max = 4;
    const auto scheduler = Scheduler::start(scheduling, world.memory(), world.engine(), system_clock());
    std::vector<std::shared_ptr<WaitingListener>> listeners;
    for (int i = 0; i < kAgents; ++i) {
        TurnRequest request;
        request.agent = name_of(i);
        request.messages = {{Role::kUser, words(kPromptWords), {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = kAnswerTokens;
        listeners.push_back(std::make_shared<WaitingListener>());
        ASSERT_TRUE(scheduler->submit(request, listeners.back(), {}));
    }
    for (int i = 0; i < kAgents; ++i) {
        const auto turn = listeners[static_cast<std::size_t>(i)]->wait();
        ASSERT_TRUE(turn) << turn.error().message;
        EXPECT_EQ(turn->text, world.exact().answer(world.engine().fake(), name_of(i), words(kPromptWords),
                                                   kAnswerTokens));
    }
    EXPECT_EQ(scheduler->stats().turns_failed, 0U);
}

}  // namespace
}  // namespace kvasir::test
