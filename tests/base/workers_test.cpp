#include "base/workers.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace kvasir {
namespace {

std::vector<int> calls_of(Workers& workers, std::size_t parts) {
    std::vector<std::atomic<int>> calls(parts);
    workers.run(parts, [&](std::size_t i) { ++calls[i]; });
    return {calls.begin(), calls.end()};
}

TEST(Workers, EachPartIsDoneOnce) {
    Workers workers(3);
    for (const std::size_t parts : {0U, 1U, 2U, 3U, 4U, 100U})
        EXPECT_EQ(calls_of(workers, parts), std::vector<int>(parts, 1)) << parts;
}

TEST(Workers, WithoutHelpTheCallerDoesAll) {
    Workers workers(0);
    EXPECT_EQ(calls_of(workers, 10), std::vector<int>(10, 1));
}

TEST(Workers, AllIsDoneWhenItReturns) {
    Workers workers(3);
    for (int round = 0; round < 300; ++round) {
        std::atomic<int> done = 0;
        workers.run(7, [&](std::size_t) {
            std::this_thread::sleep_for(std::chrono::microseconds(20));
            ++done;
        });
        ASSERT_EQ(done.load(), 7) << round;
    }
}

TEST(Workers, PartsAreDoneAtTheSameTime) {
    Workers workers(1);
    std::atomic<bool> alone = true;
    std::atomic<int> here = 0;
    workers.run(2, [&](std::size_t) {
        ++here;
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (here.load() < 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
        if (here.load() == 2 && std::chrono::steady_clock::now() < until) alone = false;
    });
    EXPECT_FALSE(alone.load());
}

TEST(Workers, SeveralCallersAtOnce) {
    Workers workers(2);
    std::atomic<int> sum = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller) {
        callers.emplace_back([&] {
            for (int round = 0; round < 200; ++round) workers.run(5, [&](std::size_t) { ++sum; });
        });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(sum.load(), 4 * 200 * 5);
}

// A part may itself have parts; the threads are taken then.
TEST(Workers, WorkWithinWork) {
    Workers workers(2);
    std::atomic<int> sum = 0;
    workers.run(4, [&](std::size_t) { workers.run(3, [&](std::size_t) { ++sum; }); });
    EXPECT_EQ(sum.load(), 12);
}

}  // namespace
}  // namespace kvasir
