#include "server/retry_after.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "server/server_context.h"

namespace kvasir {

namespace {

std::uint32_t bounded(double seconds) {
    const double most = std::min(std::ceil(seconds), static_cast<double>(kRetryAfterMaxS));
    return static_cast<std::uint32_t>(std::max(most, static_cast<double>(kRetryAfterMinS)));
}

// A model that failed to load is not tried before; 0: there is none.
double seconds_to_next_load(const ServerContext& context) {
    const std::int64_t now_us = context.clock.monotonic_us();
    std::int64_t wait_us = 0;
    for (const ModelStatus& model : context.scheduler.models()) {
        if (model.state == ModelState::kUnloaded) wait_us = std::max(wait_us, model.retry_at_us - now_us);
    }
    return static_cast<double>(wait_us) / 1e6;
}

std::uint32_t estimate(const ServerContext& context) {
    if (context.draining.load()) return kRetryAfterRestartS;
    const std::uint32_t queue = retry_after_s(context.scheduler.stats());
    return std::max(queue, bounded(seconds_to_next_load(context)));
}

}  // namespace

std::uint32_t retry_after_s(const SchedulerStats& stats) {
    const double places = std::max(1U, stats.turns_active_max);
    return bounded((stats.turns_waiting + 1) * stats.turn_ms_mean / places / 1000);
}

ApiError with_retry_after(const ServerContext& context, ApiError error) {
    if (error.http_status != 429 && error.http_status != 503) return error;
    std::erase_if(error.headers, [](const auto& header) { return header.first == "Retry-After"; });
    error.headers.emplace_back("Retry-After", std::to_string(estimate(context)));
    return error;
}

}  // namespace kvasir
