// Looks at the memory that the system has left. While it is less than it should be, and nobody is being
// answered, agents are saved and leave, and the engine gives its memory back; it returns with the next turn,
// or the turn is told why not.
//
// Owned by the server; a thread of its own. Getters: any thread. The scheduler outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/available_memory.h"
#include "base/periodic_thread.h"
#include "sched/scheduler.h"

namespace kvasir {

struct MemoryWatchOptions {
    std::uint64_t available_bytes_min = 0;  // 0: nobody looks
    std::chrono::milliseconds every{1'000};
    std::chrono::milliseconds rest_again_after{30'000};
    std::function<std::uint64_t()> available = available_memory_bytes;  // 0: not known
};

class MemoryWatch {
  public:
    MemoryWatch(MemoryWatchOptions options, Scheduler& scheduler);

    bool is_low() const { return low_.load(); }
    std::uint64_t available_bytes() const { return available_bytes_.load(); }  // when it looked last
    std::uint64_t rests() const { return shared_->rests.load(); }

  private:
    struct Shared {  // with a task on the engine thread
        std::atomic<std::uint64_t> rests{0};
        std::atomic<bool> asked{false};
        std::atomic<std::int64_t> rested_at_ms{0};
    };

    void look();
    void ask_for_rest();

    const MemoryWatchOptions options_;
    Scheduler& scheduler_;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    std::atomic<bool> low_{false};
    std::atomic<std::uint64_t> available_bytes_{0};
    PeriodicThread thread_;
};

}  // namespace kvasir
