// Retry-After: how long it is likely to take until there is room, from how many wait and how long turns took.
#include "server/retry_after.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sched/waiting_listener.h"
#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

SchedulerStats stats(std::uint32_t waiting, double turn_ms, std::uint32_t places) {
    SchedulerStats stats;
    stats.turns_waiting = waiting;
    stats.turn_ms_mean = turn_ms;
    stats.turns_active_max = places;
    return stats;
}

TEST(RetryAfter, GrowsWithTheQueueAndTheTurnsWithinBounds) {
    EXPECT_EQ(retry_after_s({}), kRetryAfterMinS) << "nothing is known";
    EXPECT_EQ(retry_after_s(stats(0, 200, 4)), kRetryAfterMinS);
    EXPECT_EQ(retry_after_s(stats(7, 4'000, 4)), 8U);
    EXPECT_EQ(retry_after_s(stats(7, 4'000, 1)), 32U);
    EXPECT_EQ(retry_after_s(stats(7, 4'100, 4)), 9U) << "rounded up";
    EXPECT_EQ(retry_after_s(stats(256, 30'000, 1)), kRetryAfterMaxS);
    EXPECT_EQ(retry_after_s(stats(4'000'000'000U, 1e300, 1)), kRetryAfterMaxS);
}

int retry_after(const HttpAnswer& answer) {
    const auto found = answer.headers.find("retry-after");
    return found == answer.headers.end() ? -1 : std::stoi(found->second);
}

TEST(RetryAfter, IsWhatTurnsOfThisServerTake) {
    ServedOptions options;
    options.places = 1;
    options.waiting_turns_max = 4;
    options.step_ms = 60;
    ServedWorld served(options);
    const HttpClient client = served.client();
    client.post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    // About 60 ms a token: more than a second for each.
    const json::object message{{"content", "hello"}, {"max_tokens", 20}};
    ASSERT_EQ(client.post("/agents/ada/messages", message).status, 200);
    const SchedulerStats measured = served.scheduler().stats();
    EXPECT_GT(measured.turn_ms_mean, 500);
    std::vector<std::shared_ptr<WaitingListener>> waiting;
    std::vector<std::shared_ptr<TurnTicket>> tickets;
    for (int i = 0; i < 5; ++i) {
        TurnRequest request;
        request.agent = "ada";
        request.messages = {{Role::kUser, "hello", {}, {}, {}, {}}};
        request.answer_tokens_max = 20;
        waiting.push_back(std::make_shared<WaitingListener>());
        const auto ticket = served.scheduler().submit(request, waiting.back(), {});
        if (ticket) tickets.push_back(*ticket);
        // The first one begins before the queue is filled.
        for (int j = 0; i == 0 && j < 500 && served.scheduler().stats().turns_active == 0; ++j)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    const HttpAnswer refused = client.post("/agents/ada/messages", message);
    ASSERT_EQ(refused.status, 429) << refused.body;
    const double expected_s = 5 * measured.turn_ms_mean / 1000;
    EXPECT_GE(retry_after(refused), static_cast<int>(expected_s * 0.5)) << measured.turn_ms_mean;
    EXPECT_GE(retry_after(refused), 2) << "not the second that anybody would wait";
    EXPECT_LE(retry_after(refused), static_cast<int>(expected_s * 2) + 1);
    EXPECT_EQ(retry_after(client.get("/agents/nobody")), -1) << "404 will stay";
    for (const auto& ticket : tickets) ticket->cancel();
    for (const auto& listener : waiting) {
        if (waiting.size() == tickets.size()) (void)listener->wait();
    }
}

}  // namespace
}  // namespace kvasir::test
