#include "server/session_expiry.h"

#include <cstdlib>

#include <fmt/format.h>

#include "base/log.h"

namespace kvasir {

namespace {

// More than this beside what has passed: somebody set the clock, and nothing is removed by it for now.
constexpr std::int64_t kJumpMs = 60'000;

// The next one is a task of its own: steps of turns come between.
void expire_next(Scheduler& scheduler, std::int64_t unused_since_unix_ms) {
    const Status queued = scheduler.run([&scheduler, unused_since_unix_ms](AgentMemory& memory) {
        const auto expired = memory.expire_one(unused_since_unix_ms);
        if (!expired) return log(LogLevel::kWarning, "agent_not_expired", expired.error().message);
        if (!*expired) return;
        log(LogLevel::kInfo, "agent_expired",
            fmt::format("agent={} turns={}", (*expired)->agent, (*expired)->turns_removed));
        expire_next(scheduler, unused_since_unix_ms);
    });
    if (!queued) log(LogLevel::kInfo, "expiry_put_off", queued.error().message);
}

}  // namespace

SessionExpiry::SessionExpiry(SessionExpiryOptions options, Scheduler& scheduler, const Clock& clock)
    : options_(options),
      scheduler_(scheduler),
      clock_(clock),
      unix_ms_before_(clock.unix_ms()),
      monotonic_us_before_(clock.monotonic_us()) {
    if (options_.unused_max.count() == 0) return;
    thread_.start(options_.every, FirstCall::kAfterPause, [this] { look(); });
}

bool SessionExpiry::clock_jumped() {
    const std::int64_t unix_ms = clock_.unix_ms();
    const std::int64_t monotonic_us = clock_.monotonic_us();
    const std::int64_t passed_ms = (monotonic_us - monotonic_us_before_) / 1000;
    const bool jumped = std::abs(unix_ms - unix_ms_before_ - passed_ms) > kJumpMs;
    unix_ms_before_ = unix_ms;
    monotonic_us_before_ = monotonic_us;
    return jumped;
}

void SessionExpiry::look() {
    if (clock_jumped()) return;
    ++looks_;
    expire_next(scheduler_, clock_.unix_ms() - options_.unused_max.count());
}

}  // namespace kvasir
