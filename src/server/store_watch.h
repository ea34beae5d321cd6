// Looks after the store of a running server: files are reconciled with the catalog once, after the server is
// ready; what the disk refused is tried again, so that service returns by itself; and some room is kept below
// the disk budget, so that a save seldom waits for it.
//
// Owned by the server; a thread of its own that only wakes, the work is done on the engine thread. Getters:
// any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/periodic_thread.h"
#include "sched/scheduler.h"
#include "server/sliced_work.h"

namespace kvasir {

struct StoreWatchOptions {
    std::chrono::milliseconds every{1'000};  // 0: nobody looks
};

struct StoreStatus {
    StoreState state = StoreState::kOk;
    std::string reason;  // "" when it is well
    std::int64_t since_unix_ms = 0;
    bool reconciled = false;  // every file is known to the catalog
    DiskUsage usage;
};

class StoreWatch {
  public:
    StoreWatch(StoreWatchOptions options, Scheduler& scheduler, const Clock& clock);
    ~StoreWatch();
    StoreWatch(const StoreWatch&) = delete;
    StoreWatch& operator=(const StoreWatch&) = delete;

    StoreStatus status() const;  // as it was when somebody looked last
    // Work on the store between the steps of the model, until end(). Any thread.
    void start(SlicedWork work) const;
    void end() { ended_->store(true); }

  private:
    struct Shared {  // with tasks on the engine thread
        std::mutex mutex;
        StoreStatus status;
        std::atomic<bool> asked{false};
        std::atomic<bool> collecting{false};
        std::atomic<std::int64_t> collect_again_us{0};  // not before: nothing could go
    };

    void wake();
    void ask();
    static void look(AgentMemory& memory, Shared& shared);
    void reconcile();
    void collect();

    const StoreWatchOptions options_;
    Scheduler& scheduler_;
    const Clock& clock_;
    const std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    bool reconciling_ = false;  // the thread alone: it has begun
    PeriodicThread thread_;
};

}  // namespace kvasir
