// POST /agents/{name}/verify beside streams: they go on a token after at most one chunk of it, and it ends
// when its client goes away.
#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "sched/waiting_listener.h"
#include "server/served_world.h"
#include "support/fake_text.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

constexpr int kStepMs = 7;  // longer than a slice of work between two steps

// What was evaluated, in order: rows of each step, and whether the stream's was among them.
struct Steps {
    struct Step {
        std::size_t rows = 0;
        bool streams = false;
    };
    std::mutex mutex;
    std::vector<Step> all;
};

class WatchedEngine final : public ForwardingEngine {
  public:
    WatchedEngine(std::unique_ptr<Engine> inner, Steps& steps)
        : ForwardingEngine(std::move(inner)), steps_(steps) {}
    Status decode(std::span<const BatchRow> rows) override {
        std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
        {
            const std::lock_guard lock(steps_.mutex);
            const bool streams = rows.size() == 1 && rows.front().wants_logits && rows.front().position < 900;
            steps_.all.push_back({rows.size(), streams});
        }
        return ForwardingEngine::decode(rows);
    }

  private:
    Steps& steps_;
};

class VerifyRoute : public testing::Test {
  protected:
    VerifyRoute() {
        ServedOptions options;
        options.context_tokens = 4096;
        options.decorate = [this](std::unique_ptr<Engine> inner) {
            return std::make_unique<WatchedEngine>(std::move(inner), steps_);
        };
        served_ = std::make_unique<ServedWorld>(options);
        FakeEngineOptions engine = plain_engine();
        engine.context_tokens = options.context_tokens;
        engine.batch_tokens = 4 * kVerifyChunkTokens;  // a step could be longer than a chunk
        served_->restart(engine);
        served_->client().post("/agents", json::object{{"name", "ada"}, {"system_prompt", words(2500)}});
        served_->client().post("/agents", json::object{{"name", "eve"}, {"system_prompt", "You are Eve."}});
    }
    // Eve talks until she is told to stop.
    void talk() {
        TurnRequest request;
        request.agent = "eve";
        request.messages = {{Role::kUser, "talk", {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 800;
        request.sampling.logit_bias = {{kFakeImEnd, -100.0F}};  // she has much to say
        ticket_ = *served_->scheduler().submit(request, listener_, {});
        while (listener_->shown().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        forget_steps();
    }
    void forget_steps() {
        const std::lock_guard lock(steps_.mutex);
        steps_.all.clear();
    }
    // The most steps of other rows between two of the stream's.
    std::size_t longest_stall() {
        const std::lock_guard lock(steps_.mutex);
        std::size_t longest = 0;
        std::size_t stalled = 0;
        for (const Steps::Step& step : steps_.all) {
            stalled = step.streams ? 0 : stalled + 1;
            longest = std::max(longest, stalled);
        }
        return longest;
    }
    std::size_t most_rows() {
        const std::lock_guard lock(steps_.mutex);
        std::size_t most = 0;
        for (const Steps::Step& step : steps_.all) most = std::max(most, step.rows);
        return most;
    }
    std::size_t count(std::size_t rows_min) {
        const std::lock_guard lock(steps_.mutex);
        return static_cast<std::size_t>(std::count_if(
            steps_.all.begin(), steps_.all.end(), [&](const auto& step) { return step.rows >= rows_min; }));
    }
    void be_quiet() {
        ticket_->cancel();
        (void)listener_->wait();
    }

    Steps steps_;
    std::unique_ptr<ServedWorld> served_;
    std::shared_ptr<WaitingListener> listener_ = std::make_shared<WaitingListener>();
    std::shared_ptr<TurnTicket> ticket_;
};

TEST_F(VerifyRoute, AStreamGoesOnTokenByToken) {
    talk();
    const HttpAnswer answer = served_->client().post("/agents/ada/verify", json::object{});
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.json().at("good").as_bool());
    EXPECT_TRUE(answer.json().at("identical").as_bool());
    EXPECT_GT(answer.json().at("restored_tokens").to_number<int>(), 2400);
    ASSERT_FALSE(listener_->over()) << "she has talked all the time";
    EXPECT_GE(count(kVerifyChunkTokens), 9U) << "it was read meanwhile";
    EXPECT_LE(most_rows(), kVerifyChunkTokens);
    EXPECT_LE(longest_stall(), 1U);
    be_quiet();
}

TEST_F(VerifyRoute, ControlAtOnceTheStreamStandsStill) {
    talk();
    std::atomic<bool> done{false};
    ASSERT_TRUE(served_->scheduler().run([&](AgentMemory& memory) {
        EXPECT_TRUE(memory.verify("ada"));
        done = true;
    }));
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_GT(longest_stall(), 1U);
    be_quiet();
}

TEST_F(VerifyRoute, EndsWhenItsClientGoesAway) {
    talk();
    served_->client().hang_up(
        "/agents/ada/verify", json::object{}, [](const std::string&) { return false; }, 6 * kStepMs);
    std::atomic<std::uint64_t> held{1};
    for (int i = 0; i < 400 && held != 0; ++i) {
        ASSERT_TRUE(served_->scheduler().run([&](AgentMemory& memory) { held = memory.cells_held({}); }));
        std::this_thread::sleep_for(std::chrono::milliseconds(2 * kStepMs));
    }
    EXPECT_EQ(held, 0U);
    EXPECT_LT(count(64), 2500 / kVerifyChunkTokens) << "it was not read to its end";
    EXPECT_FALSE(listener_->over());
    be_quiet();
    EXPECT_EQ(served_->client().post("/agents/ada/verify", json::object{}).status, 200);
}

TEST_F(VerifyRoute, WhatCannotBeVerifiedIsSaid) {
    EXPECT_EQ(served_->client().post("/agents/nobody/verify", json::object{}).status, 404);
    talk();
    const HttpAnswer busy = served_->client().post("/agents/eve/verify", json::object{});
    EXPECT_EQ(busy.status, 409) << busy.body;
    be_quiet();
}

}  // namespace
}  // namespace kvasir::test
