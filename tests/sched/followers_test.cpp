// Turns that begin alike and come together: one reads what they share, the others copy it.
#include <gtest/gtest.h>

#include "memory/world.h"
#include "sched/waiting_listener.h"

namespace kvasir::test {
namespace {

constexpr std::uint32_t kFollowers = 10;
constexpr std::uint32_t kPrefixTokens = 4096;

class Followers : public testing::TestWithParam<bool> {
  protected:
    Followers() {
        WorldOptions options;
        options.engine = GetParam() ? windowed_engine() : plain_engine();
        options.engine.sequences = kFollowers + 1;
        options.engine.context_tokens = 8192;
        options.memory.agents_resident_max = kFollowers + 1;
        world_ = std::make_unique<World>(options);
        scheduling_.active_turns_max = kFollowers + 1;
    }
    void start() {
        scheduler_ = Scheduler::start(scheduling_, world_->memory(), world_->engine(), system_clock());
    }
    std::shared_ptr<WaitingListener> ask(std::uint32_t number, const std::string& system_prompt,
                                         std::shared_ptr<TurnTicket>* ticket = nullptr) {
        const std::string name = "agent-" + std::to_string(number);
        TurnRequest request;
        request.agent = name;
        request.create_missing = CreateMissing::kYes;
        request.history = History::kSent;
        request.messages = {{Role::kSystem, system_prompt, {}, {}, {}, {}},
                            {Role::kUser, text(number), {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 8;
        auto listener = std::make_shared<WaitingListener>();
        const auto submitted = scheduler_->submit(request, listener, {});
        EXPECT_TRUE(submitted);
        if (ticket != nullptr && submitted) *ticket = *submitted;
        world_->exact().create(name, system_prompt);
        return listener;
    }
    static std::string text(std::uint32_t number) { return "I am number " + std::to_string(number); }
    void expect_exact(std::uint32_t number, WaitingListener& listener) {
        const auto turn = listener.wait();
        ASSERT_TRUE(turn) << turn.error().message;
        const std::string name = "agent-" + std::to_string(number);
        EXPECT_EQ(turn->text, world_->exact().answer(world_->engine().fake(), name, text(number), 8));
        sources_[turn->metrics.source] += 1;
    }
    // The scheduler takes them from its inbox together.
    std::vector<std::shared_ptr<WaitingListener>> ask_all(
        const std::function<std::string(std::uint32_t)>& prompt) {
        std::vector<std::shared_ptr<WaitingListener>> listeners;
        for (std::uint32_t i = 0; i < kFollowers; ++i) listeners.push_back(ask(i, prompt(i)));
        return listeners;
    }

    std::unique_ptr<World> world_;
    SchedulerOptions scheduling_;
    std::unique_ptr<Scheduler> scheduler_;
    std::map<ReuseSource, int> sources_;
};
INSTANTIATE_TEST_SUITE_P(Fake, Followers, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "windowed" : "plain"; });

TEST_P(Followers, TenOfOneColdPrefixEvaluateItOnce) {
    start();
    const auto listeners = ask_all([](std::uint32_t) { return words(kPrefixTokens); });
    for (std::uint32_t i = 0; i < kFollowers; ++i) expect_exact(i, *listeners[i]);
    EXPECT_LT(scheduler_->stats().evaluated_tokens, kPrefixTokens + kFollowers * 100);
    EXPECT_EQ(sources_[ReuseSource::kNone], 1) << "one has read it";
    EXPECT_EQ(
        sources_[ReuseSource::kNone] + sources_[ReuseSource::kMemoryFork] + sources_[ReuseSource::kDisk],
        static_cast<int>(kFollowers));
    EXPECT_GT(sources_[ReuseSource::kMemoryFork], 0);
}

// What the test above counts is really evaluated when there is nothing to share.
TEST_P(Followers, TenStrangersEvaluateTenPrefixes) {
    start();
    const auto listeners = ask_all([](std::uint32_t i) { return std::to_string(i) + words(kPrefixTokens); });
    for (std::uint32_t i = 0; i < kFollowers; ++i) expect_exact(i, *listeners[i]);
    EXPECT_GT(scheduler_->stats().evaluated_tokens, kFollowers * kPrefixTokens);
}

TEST_P(Followers, WhenTheFirstGoesAwayTheNextReads) {
    start();
    std::shared_ptr<TurnTicket> first;
    const auto leader = ask(100, words(kPrefixTokens), &first);
    const auto listeners = ask_all([](std::uint32_t) { return words(kPrefixTokens); });
    first->cancel();
    (void)leader->wait();
    for (std::uint32_t i = 0; i < kFollowers; ++i) expect_exact(i, *listeners[i]);
    EXPECT_LT(scheduler_->stats().evaluated_tokens, 2 * kPrefixTokens + kFollowers * 100 + 200);
}

TEST_P(Followers, WhoSharesLessThanAnotherFollowsWhatItShares) {
    start();
    const std::string shared = words(2000);
    const auto listeners = ask_all(
        [&](std::uint32_t i) { return i % 2 == 0 ? shared + words(2000, 'a') : shared + words(2000, 'b'); });
    for (std::uint32_t i = 0; i < kFollowers; ++i) expect_exact(i, *listeners[i]);
    EXPECT_LT(scheduler_->stats().evaluated_tokens, 2000U + 2 * 2000U + kFollowers * 100);
}

}  // namespace
}  // namespace kvasir::test
