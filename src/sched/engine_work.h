// What the engine thread works on: one model that is given, or several that come and go. Engine thread, but
// for what says otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sched/engine_loop.h"

namespace kvasir {

enum class WorkState {
    kIdle,     // nobody waits; woken by what comes
    kPending,  // something is awaited (a place, a model): looked at now and then
    kRunning   // turns run, or there is something to be done while nobody waits
};

struct WaitingTask {
    ModelWish wish;
    ModelTask task;
};

class EngineWork {
  public:
    virtual ~EngineWork() = default;
    virtual void add(WaitingTurn turn) = 0;
    virtual void add(WaitingTask task) = 0;
    virtual AgentMemory& memory() = 0;  // of tasks that need no certain model
    virtual void round() = 0;
    // What is done while nobody waits makes way for a task.
    virtual void yield() = 0;
    virtual bool idle() const = 0;  // no turn runs or waits
    virtual WorkState state() const = 0;
    virtual std::size_t waiting() const = 0;
    // When there is something to do though nobody asks; nullopt: never.
    virtual std::optional<std::int64_t> due_us() const { return std::nullopt; }
    virtual void cancel_all() = 0;
    virtual SchedulerStats stats() const = 0;             // any thread
    virtual std::vector<ModelStatus> models() const = 0;  // any thread
};

// A model that is loaded as long as the scheduler lives.
std::unique_ptr<EngineWork> fixed_model(const SchedulerOptions& options, AgentMemory& memory,
                                        const Engine& engine, const Clock& clock);
// `wake` is called by another thread, to have a round.
std::unique_ptr<EngineWork> swapping_models(const SchedulerOptions& options, const ModelsOptions& models,
                                            const MemoryOptions& memory, Store& store, const Clock& clock,
                                            std::function<void()> wake);

void add(SchedulerStats& sum, const SchedulerStats& one);

}  // namespace kvasir
