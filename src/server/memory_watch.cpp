#include "server/memory_watch.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace kvasir {

namespace {

// Low ends a quarter above where it began, so that it does not come and go.
constexpr std::uint64_t kRecoveredPercent = 125;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

MemoryWatch::MemoryWatch(MemoryWatchOptions options, Scheduler& scheduler)
    : options_(std::move(options)), scheduler_(scheduler) {
    if (options_.available_bytes_min == 0) return;
    thread_.start(options_.every, FirstCall::kAtOnce, [this] { look(); });
}

void MemoryWatch::look() {
    const std::uint64_t available = options_.available();
    available_bytes_.store(available);
    if (available == 0) return;
    const bool was_low = low_.load();
    const std::uint64_t bound =
        was_low ? options_.available_bytes_min / 100 * kRecoveredPercent : options_.available_bytes_min;
    low_.store(available < bound);
    if (low_.load() != was_low) {
        log(LogLevel::kWarning, was_low ? "memory_recovered" : "memory_low",
            fmt::format("available_bytes={} wanted={}", available, options_.available_bytes_min));
    }
    if (low_.load()) ask_for_rest();
}

void MemoryWatch::ask_for_rest() {
    const bool lately = shared_->rests.load() > 0 &&
                        now_ms() - shared_->rested_at_ms.load() < options_.rest_again_after.count();
    if (lately || shared_->asked.exchange(true)) return;
    const Status queued = scheduler_.run([shared = shared_](AgentMemory& memory) {
        const auto rested = memory.rest();
        if (rested && rested->bytes_given_back > 0) {
            ++shared->rests;
            shared->rested_at_ms.store(now_ms());
        }
        shared->asked.store(false);
    });
    if (!queued) shared_->asked.store(false);
}

}  // namespace kvasir
