// When it is worth asking again: from how many wait, and how long a turn took so far. Any thread.
#pragma once

#include <cstdint>

#include "api/api_error.h"
#include "sched/scheduler.h"

namespace kvasir {

struct ServerContext;

inline constexpr std::uint32_t kRetryAfterMinS = 1;
inline constexpr std::uint32_t kRetryAfterMaxS = 120;
inline constexpr std::uint32_t kRetryAfterRestartS =
    5;  // the server ends: whoever replaces it needs a moment

// Those that wait, and one more, go through the places at the pace of turns so far.
std::uint32_t retry_after_s(const SchedulerStats& stats);

// Sets Retry-After of a 429 or 503; other errors stay as they are.
ApiError with_retry_after(const ServerContext& context, ApiError error);

}  // namespace kvasir
