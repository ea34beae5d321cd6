#include "base/periodic_thread.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(PeriodicThread, CallsOverAndOver) {
    std::atomic<int> calls{0};
    std::promise<void> third;
    PeriodicThread thread;
    thread.start(milliseconds(1), FirstCall::kAtOnce, [&] {
        if (++calls == 3) third.set_value();
    });
    EXPECT_EQ(third.get_future().wait_for(seconds(30)), std::future_status::ready);
}

TEST(PeriodicThread, StopsInAPause) {
    std::atomic<int> calls{0};
    std::promise<void> first;
    PeriodicThread thread;
    thread.start(hours(1), FirstCall::kAtOnce, [&] {
        if (++calls == 1) first.set_value();
    });
    ASSERT_EQ(first.get_future().wait_for(seconds(30)), std::future_status::ready);
    thread.stop();  // not an hour later
    EXPECT_EQ(calls, 1);
    thread.stop();
}

TEST(PeriodicThread, AfterAPauseMeansNoCallBefore) {
    std::atomic<int> calls{0};
    {
        PeriodicThread thread;
        thread.start(hours(1), FirstCall::kAfterPause, [&] { ++calls; });
    }
    EXPECT_EQ(calls, 0);
}

TEST(PeriodicThread, NobodyNeedStartIt) {
    PeriodicThread thread;
    thread.stop();
}

}  // namespace
}  // namespace kvasir::test
