// Opens models on a thread of its own, one at a time, so that those that are loaded go on meanwhile.
//
// Used by the engine thread; the engine that comes out is handed over to it. Its end cancels what is being
// opened, and waits for that.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "sched/models.h"

namespace kvasir {

struct LoadOrder {
    std::size_t slot = 0;
    ModelSpec spec;
    std::uint64_t free_bytes = 0;   // that nobody takes; 0: not known
    std::uint64_t total_bytes = 0;  // when every other model left; 0: not known
    enum class Depth { kOpen, kCheckOnly } depth = Depth::kOpen;
};

struct LoadOutcome {
    std::size_t slot = 0;
    std::unique_ptr<Engine> engine;  // null: it needs room, or there is an error
    std::optional<Error> error;      // neither: it would fit when others left
    double ms = 0;
};

class ModelLoader {
  public:
    ModelLoader(ModelSource source, const Clock& clock, std::function<void()> on_done);
    ~ModelLoader();
    ModelLoader(const ModelLoader&) = delete;
    ModelLoader& operator=(const ModelLoader&) = delete;

    bool busy() const;            // an order is being worked on, or its outcome waits
    void start(LoadOrder order);  // not while it is busy
    std::optional<LoadOutcome> take();
    void cancel() { cancelled_.store(true); }  // for good

  private:
    void work();
    LoadOutcome load(const LoadOrder& order) const;

    const ModelSource source_;
    const Clock& clock_;
    const std::function<void()> on_done_;
    std::atomic<bool> cancelled_{false};
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<LoadOrder> order_;
    std::optional<LoadOutcome> outcome_;
    bool working_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace kvasir
