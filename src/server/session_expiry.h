// Removes agents that a client's session id made and that nobody has used for long: one at a time, between
// steps of the model, so that nobody waits for it.
//
// Owned by the server; a thread of its own. The scheduler and the clock outlive it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/periodic_thread.h"
#include "sched/scheduler.h"

namespace kvasir {

struct SessionExpiryOptions {
    std::chrono::milliseconds unused_max = std::chrono::hours(30 * 24);  // 0: nothing expires
    // Also before the first look: a machine needs a while after its start to know what time it is.
    std::chrono::milliseconds every = std::chrono::hours(1);
};

class SessionExpiry {
  public:
    SessionExpiry(SessionExpiryOptions options, Scheduler& scheduler, const Clock& clock);

    std::uint64_t looks() const { return looks_.load(); }

  private:
    void look();
    bool clock_jumped();

    const SessionExpiryOptions options_;
    Scheduler& scheduler_;
    const Clock& clock_;
    std::int64_t unix_ms_before_;
    std::int64_t monotonic_us_before_;
    std::atomic<std::uint64_t> looks_{0};
    PeriodicThread thread_;
};

}  // namespace kvasir
