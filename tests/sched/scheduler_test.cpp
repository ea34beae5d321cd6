// Many agents at once on one engine thread: each answers as if it were alone.
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/world.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

std::string name_of(std::size_t agent) { return "agent-" + std::to_string(agent); }
// Nobody else's words: an answer depends on every token before it, so one foreign row changes it.
std::string canary_of(std::size_t agent) { return "You are number " + std::to_string(agent * 7919) + "."; }

class Scheduling : public testing::TestWithParam<bool> {
  protected:
    explicit Scheduling(std::uint32_t places = 4) {
        WorldOptions options;
        options.engine = GetParam() ? windowed_engine() : plain_engine();
        options.engine.sequences = places;
        options.memory.agents_resident_max = places;
        world_ = std::make_unique<World>(options);
        scheduling_.active_turns_max = places;
        scheduling_.prompt_chunk_tokens = 16;
    }
    void start() {
        scheduler_ = Scheduler::start(scheduling_, world_->memory(), world_->engine(), system_clock());
    }
    void stop() { scheduler_.reset(); }

    static TurnRequest request(const std::string& agent, const std::string& text,
                               std::uint32_t tokens_max = 12) {
        TurnRequest request;
        request.agent = agent;
        request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = tokens_max;
        return request;
    }
    std::shared_ptr<WaitingListener> submit(const TurnRequest& request,
                                            std::shared_ptr<TurnTicket>* ticket = nullptr) {
        auto listener = std::make_shared<WaitingListener>();
        auto submitted = scheduler_->submit(request, listener, {});
        EXPECT_TRUE(submitted) << (submitted ? "" : submitted.error().message);
        if (ticket != nullptr && submitted) *ticket = *submitted;
        return listener;
    }
    std::string exact(const std::string& agent, const std::string& text, std::uint32_t tokens_max = 12) {
        return world_->exact().answer(world_->engine().fake(), agent, text, tokens_max);
    }

    std::unique_ptr<World> world_;
    SchedulerOptions scheduling_;
    std::unique_ptr<Scheduler> scheduler_;
};
INSTANTIATE_TEST_SUITE_P(Fake, Scheduling, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "windowed" : "plain"; });

TEST_P(Scheduling, InterleavedAgentsAnswerAsIfAlone) {
    constexpr std::size_t kAgents = 12;
    for (std::size_t i = 0; i < kAgents; ++i) world_->create(name_of(i), canary_of(i));
    start();
    std::mt19937 random(3);
    for (int round = 0; round < 5; ++round) {
        std::vector<std::shared_ptr<WaitingListener>> listeners;
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < kAgents; ++i) {
            texts.push_back(
                words(static_cast<std::uint32_t>(random() % 150) + 1, static_cast<char>('a' + i)));
            listeners.push_back(submit(request(name_of(i), texts.back())));
        }
        for (std::size_t i = 0; i < kAgents; ++i) {
            const auto turn = listeners[i]->wait();
            ASSERT_TRUE(turn) << turn.error().message;
            EXPECT_EQ(turn->text, exact(name_of(i), texts[i]));
            EXPECT_EQ(listeners[i]->shown(), turn->text) << "the stream is the answer";
        }
    }
    const SchedulerStats stats = scheduler_->stats();
    EXPECT_EQ(stats.turns_done, 5 * kAgents);
    EXPECT_EQ(stats.turns_failed, 0U);
    EXPECT_EQ(stats.evaluated_tokens,
              stats.prompt_tokens - stats.reused_tokens + stats.answer_tokens - stats.turns_done);
}

// In every batch of several sequences one row gets its neighbour's token.
class CrossTalkingEngine final : public ForwardingEngine {
  public:
    using ForwardingEngine::ForwardingEngine;
    Status decode(std::span<const BatchRow> rows) override {
        std::vector<BatchRow> mixed(rows.begin(), rows.end());
        if (!mixed.empty() && mixed.front().sequence != mixed.back().sequence) {
            mixed.back().token = mixed.front().token;
            ++mixed_up_;
        }
        return ForwardingEngine::decode(mixed);
    }
    std::uint32_t mixed_up() const { return mixed_up_; }

  private:
    std::uint32_t mixed_up_ = 0;
};

TEST(SchedulingControl, OneForeignTokenIsSeen) {
    WorldOptions options;
    options.engine = plain_engine();
    options.engine.sequences = 2;
    options.memory.agents_resident_max = 2;
    CrossTalkingEngine* engine = nullptr;
    options.decorate = [&](std::unique_ptr<Engine> inner) {
        auto made = std::make_unique<CrossTalkingEngine>(std::move(inner));
        engine = made.get();
        return made;
    };
    World world(options);
    for (std::size_t i = 0; i < 2; ++i) world.create(name_of(i), canary_of(i));
    std::vector<std::shared_ptr<WaitingListener>> listeners;
    const auto scheduler = Scheduler::start({}, world.memory(), *engine, system_clock());
    for (std::size_t i = 0; i < 2; ++i) {
        TurnRequest request;
        request.agent = name_of(i);
        request.messages = {{Role::kUser, words(40, static_cast<char>('a' + i)), {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 40;
        listeners.push_back(std::make_shared<WaitingListener>());
        ASSERT_TRUE(scheduler->submit(request, listeners.back(), {}));
    }
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto turn = listeners[i]->wait();
        ASSERT_TRUE(turn) << turn.error().message;
        const std::string text = words(40, static_cast<char>('a' + i));
        wrong += turn->text != world.exact().answer(world.engine().fake(), name_of(i), text, 40) ? 1U : 0U;
    }
    ASSERT_GT(engine->mixed_up(), 0U);
    EXPECT_GT(wrong, 0U);
}

TEST_P(Scheduling, MessagesToOneAgentGoInOrder) {
    world_->create("ada", canary_of(1));
    world_->create("eve", canary_of(2));
    start();
    std::vector<std::shared_ptr<WaitingListener>> listeners;
    for (int i = 0; i < 6; ++i) {
        listeners.push_back(submit(request("ada", "message " + std::to_string(i))));
        listeners.push_back(submit(request("eve", "message " + std::to_string(i))));
    }
    for (int i = 0; i < 6; ++i) {
        const std::string text = "message " + std::to_string(i);
        EXPECT_EQ(listeners[static_cast<std::size_t>(2 * i)]->wait()->text, exact("ada", text));
        EXPECT_EQ(listeners[static_cast<std::size_t>(2 * i + 1)]->wait()->text, exact("eve", text));
    }
}

TEST_P(Scheduling, ACancelledTurnEndsAndTheAgentGoesOn) {
    world_->create("ada", canary_of(1));
    start();
    std::shared_ptr<TurnTicket> ticket;
    const auto listener = submit(request("ada", "talk for long", 1500), &ticket);
    ASSERT_TRUE(listener->wait_for_text());
    ticket->cancel();
    const auto turn = listener->wait();
    ASSERT_TRUE(turn) << "what was said is kept";
    EXPECT_LT(turn->metrics.answer_tokens, 1500U);
    const auto next = submit(request("ada", "and now?"))->wait();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->turn, 2U);
    EXPECT_EQ(next->metrics.prompt_tokens - next->metrics.evaluated_tokens, next->metrics.reused_tokens);
}

TEST_P(Scheduling, ATurnCancelledWhileItWaitsIsAsIfItHadNeverBeen) {
    world_->create("ada", canary_of(1));
    start();
    const auto first = submit(request("ada", "one", 200));
    std::shared_ptr<TurnTicket> ticket;
    const auto second = submit(request("ada", "two"), &ticket);
    ticket->cancel();
    const auto third = submit(request("ada", "three"));
    ASSERT_TRUE(first->wait());
    EXPECT_EQ(second->wait().error().code, ErrorCode::kCancelled);
    EXPECT_EQ(exact("ada", "one", 200), first->wait()->text);
    EXPECT_EQ(third->wait()->text, exact("ada", "three"));
}

TEST_P(Scheduling, ADeadlineCancels) {
    world_->create("ada", canary_of(1));
    start();
    std::atomic<bool> hold{true};
    ASSERT_TRUE(scheduler_->run([&](AgentMemory&) {
        while (hold.load()) std::this_thread::yield();
    }));
    auto late = std::make_shared<WaitingListener>();
    auto unhurried = std::make_shared<WaitingListener>();
    ASSERT_TRUE(scheduler_->submit(request("ada", "late"), late, {1}));
    ASSERT_TRUE(scheduler_->submit(request("ada", "unhurried"), unhurried, {60'000}));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    hold.store(false);
    EXPECT_EQ(late->wait().error().code, ErrorCode::kUnavailable) << "not its client's doing";
    EXPECT_THAT(late->wait().error().message, HasSubstr("--turn-timeout"));
    EXPECT_EQ(unhurried->wait()->text, exact("ada", "unhurried"));
}

TEST_P(Scheduling, TooManyWaitingTurnsAreRefusedAndNobodyElseSuffers) {
    world_->create("ada", canary_of(1));
    scheduling_.waiting_turns_max = 3;
    start();
    std::atomic<bool> hold{true};
    ASSERT_TRUE(scheduler_->run([&](AgentMemory&) {
        while (hold.load()) std::this_thread::yield();
    }));
    std::vector<std::shared_ptr<WaitingListener>> listeners;
    std::uint32_t refused = 0;
    for (int i = 0; i < 6; ++i) {
        auto listener = std::make_shared<WaitingListener>();
        const auto submitted = scheduler_->submit(request("ada", std::to_string(i)), listener, {});
        if (submitted) {
            listeners.push_back(listener);
        } else {
            EXPECT_EQ(submitted.error().code, ErrorCode::kUnavailable);
            EXPECT_THAT(submitted.error().message, HasSubstr("wait"));
            ++refused;
        }
    }
    EXPECT_EQ(refused, 3U);
    hold.store(false);
    for (std::size_t i = 0; i < listeners.size(); ++i)
        EXPECT_EQ(listeners[i]->wait()->text, exact("ada", std::to_string(i)));
    EXPECT_EQ(scheduler_->stats().turns_refused, 3U);
}

TEST_P(Scheduling, DrainingFinishesWhatWasTakenAndTakesNothingNew) {
    for (std::size_t i = 0; i < 6; ++i) world_->create(name_of(i), canary_of(i));
    start();
    std::vector<std::shared_ptr<WaitingListener>> listeners;
    for (std::size_t i = 0; i < 6; ++i) listeners.push_back(submit(request(name_of(i), "hello", 40)));
    scheduler_->drain(60'000);
    for (std::size_t i = 0; i < 6; ++i) {
        ASSERT_TRUE(listeners[i]->over());
        EXPECT_EQ(listeners[i]->wait()->text, exact(name_of(i), "hello", 40));
    }
    EXPECT_EQ(
        scheduler_->submit(request(name_of(0), "late"), std::make_shared<WaitingListener>(), {}).error().code,
        ErrorCode::kUnavailable);
    stop();
    world_->restart();
    for (std::size_t i = 0; i < 6; ++i) {
        const TurnResult next = world_->say(name_of(i), "again");
        EXPECT_EQ(next.metrics.source, ReuseSource::kDisk) << "KV was saved";
    }
}

TEST_P(Scheduling, StoppingAtOnceLosesNothingThatWasAnswered) {
    for (std::size_t i = 0; i < 8; ++i) world_->create(name_of(i), canary_of(i));
    start();
    std::vector<std::shared_ptr<WaitingListener>> listeners;
    for (std::size_t i = 0; i < 8; ++i) listeners.push_back(submit(request(name_of(i), "hello", 300)));
    ASSERT_TRUE(listeners[0]->wait_for_text());
    scheduler_->drain(0);
    stop();
    world_->restart();
    for (std::size_t i = 0; i < 8; ++i) {
        ASSERT_TRUE(listeners[i]->over()) << "everybody is told";
        const auto turns = *world_->memory().turns(name_of(i));
        if (const auto turn = listeners[i]->wait(); turn) {
            ASSERT_EQ(turns.size(), 2U);
            EXPECT_EQ(turns.back().assistant_text, turn->text);
        } else {
            EXPECT_EQ(turns.size(), 1U) << "what was not acknowledged did not happen";
        }
    }
}

TEST_P(Scheduling, AFailingEngineEndsTurnsWithoutHarm) {
    world_->create("ada", canary_of(1));
    world_->create("eve", canary_of(2));
    world_->engine().fail_decode(3, 1, {ErrorCode::kIo, "the device is gone"});
    start();
    const auto one = submit(request("ada", "hello", 20));
    const auto two = submit(request("eve", "hello", 20));
    const auto first = one->wait();
    const auto second = two->wait();
    EXPECT_FALSE(first && second);
    for (const auto* agent : {"ada", "eve"}) {
        const bool told = agent == std::string("ada") ? first.has_value() : second.has_value();
        if (told) exact(agent, "hello", 20);
        EXPECT_EQ(submit(request(agent, "again"))->wait()->text, exact(agent, "again"));
    }
}

// 64 agents on 4 places, clients that go away, nobody hears another's words.
void mixed_load(World& world, Scheduler& scheduler, std::size_t agents, int turns, unsigned seed) {
    std::mt19937 random(seed);
    struct Running {
        std::size_t agent;
        std::string text;
        std::shared_ptr<WaitingListener> listener;
        bool cancelled = false;
    };
    std::vector<Running> running;
    std::vector<bool> diverged(agents,
                               false);  // a cancelled answer: its length is not the fake model's to tell
    const auto settle = [&](const Running& turn) {
        const auto result = turn.listener->wait();
        if (!result) {
            ASSERT_EQ(result.error().code, ErrorCode::kCancelled) << result.error().message;
            return;
        }
        if (turn.cancelled && result->finish_reason == "cancelled") diverged[turn.agent] = true;
        if (diverged[turn.agent]) return;
        ASSERT_EQ(result->text,
                  world.exact().answer(world.engine().fake(), name_of(turn.agent), turn.text, 16));
    };
    for (int i = 0; i < turns; ++i) {
        const std::size_t agent = random() % agents;
        TurnRequest request;
        request.agent = name_of(agent);
        request.messages = {
            {Role::kUser, words(static_cast<std::uint32_t>(random() % 60) + 1), {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 16;
        Running turn{agent, request.messages[0].content, std::make_shared<WaitingListener>(), false};
        const auto ticket = scheduler.submit(request, turn.listener, {});
        ASSERT_TRUE(ticket) << ticket.error().message;
        if (random() % 8 == 0) {
            (*ticket)->cancel();
            turn.cancelled = true;
        }
        running.push_back(turn);
        if (running.size() >= 16) {
            for (const Running& each : running) ASSERT_NO_FATAL_FAILURE(settle(each));
            running.clear();
        }
    }
    for (const Running& each : running) ASSERT_NO_FATAL_FAILURE(settle(each));
}

TEST_P(Scheduling, SixtyFourAgentsOnFourPlaces) {
    for (std::size_t i = 0; i < 64; ++i) world_->create(name_of(i), canary_of(i));
    start();
    ASSERT_NO_FATAL_FAILURE(mixed_load(*world_, *scheduler_, 64, 400, 11));
    EXPECT_EQ(scheduler_->stats().turns_waiting, 0U);
}

}  // namespace
}  // namespace kvasir::test
