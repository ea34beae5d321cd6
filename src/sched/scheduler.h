// The engine thread: it alone touches engines and memories. Turns of many agents run beside each other, all
// turns of a model in one batch per step; between steps it runs short tasks (listing, saving, evicting).
//
// start(), drain() and the destructor belong to one thread, what else there is to any. Listeners are
// called on the engine thread and must not block.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "memory/agent_memory.h"
#include "sched/batch_plan.h"
#include "sched/models.h"

namespace kvasir {

struct SchedulerOptions {
    std::uint32_t waiting_turns_max = 256;  // beyond it submit() is kUnavailable
    std::uint32_t waiting_tasks_max = 1024;
    std::uint32_t active_turns_max = kAgentsResidentDefault;  // places of the memory
    std::uint32_t prompt_chunk_tokens = 256;                  // of prompts in one step, while others answer
    // For restoring and for saving KV between two steps, one block at least: while turns run, and alone.
    std::int64_t io_slice_us = 5'000;
    std::int64_t io_slice_alone_us = 50'000;
};

class TurnListener {
  public:
    virtual ~TurnListener() = default;
    virtual void on_prompt(const TurnMetrics& /*metrics*/) {}  // once: what of the prompt is there already
    virtual void on_progress(TurnPhase /*phase*/, Position /*done*/, Position /*total*/) {}
    virtual void on_piece(const AnswerPiece& piece) = 0;
    // Once, last: the turn is durable, or it is as if it had never been.
    virtual void on_result(const Result<TurnResult>& result) = 0;
};

// A turn that was submitted. Any thread.
class TurnTicket {
  public:
    // Ends the turn within one step; what was said by then is kept, if anything was.
    void cancel() { cancelled_.store(true); }
    const std::atomic<bool>& cancelled() const { return cancelled_; }

  private:
    std::atomic<bool> cancelled_{false};
};

struct SubmitOptions {
    std::uint32_t timeout_ms = 0;                    // from now; the turn is cancelled then. 0: none
    std::optional<ModelIndex> model = std::nullopt;  // nullopt: the agent's own, of a new agent the first
};

struct SchedulerStats {
    std::uint32_t turns_waiting = 0;
    std::uint32_t turns_active = 0;
    std::uint64_t turns_done = 0;
    std::uint64_t turns_failed = 0;
    std::uint64_t turns_undurable = 0;  // answered, and could not be made durable
    std::uint64_t turns_refused = 0;    // the queue was full
    std::uint64_t steps = 0;
    std::uint64_t prompt_tokens = 0;     // of all turns
    std::uint64_t reused_tokens = 0;     // of them, not evaluated
    std::uint64_t evaluated_tokens = 0;  // prompt rows evaluated
    std::uint64_t answer_tokens = 0;
    double step_ms_last = 0;
    double turn_ms_mean = 0;             // from its beginning to its answer; the last ones count most
    std::uint32_t turns_active_max = 0;  // places
    // Read where nobody waited (idle_reads.h).
    std::uint32_t read_aheads_waiting = 0;
    std::uint64_t read_aheads_done = 0;
    std::uint64_t read_ahead_tokens = 0;
};

struct ModelStatus {
    ModelSpec spec;
    ModelState state = ModelState::kUnloaded;
    std::string error;            // why it was not loaded last time; "" it was, or nobody tried
    std::string description;      // "" before it was loaded once
    Position context_tokens = 0;  // 0 before that
    std::uint64_t loads = 0;
    std::uint64_t unloads = 0;
    std::uint64_t load_failures = 0;
    double load_ms_last = 0;
    std::int64_t retry_at_us = 0;  // after a failure: not before; of the monotonic clock
    SchedulerStats stats;
};

// Which model is needed: the one that is named, else the one that a file's tokens belong to, else the
// agent's.
struct ModelWish {
    std::optional<ModelIndex> model = std::nullopt;
    std::string agent = {};
    std::optional<ModelOfFile> file = std::nullopt;
};

// A model that is loaded, and stays so while this is kept: for work of several tasks. The memory is the
// engine thread's; the rest may be dropped on any thread.
struct ModelUse {
    AgentMemory* memory = nullptr;
    std::shared_ptr<const void> kept = nullptr;
};

// What needs a certain model: run with its memory, or told why that cannot be had.
using ModelTask = std::function<void(Result<ModelUse>)>;

class Scheduler {
  public:
    static std::unique_ptr<Scheduler> start(const SchedulerOptions& options, AgentMemory& memory,
                                            const Engine& engine, const Clock& clock);
    // Several models, loaded when they are asked for. Store and clock outlive it.
    static std::unique_ptr<Scheduler> start(const SchedulerOptions& options, const ModelsOptions& models,
                                            const MemoryOptions& memory, Store& store, const Clock& clock);
    virtual ~Scheduler() = default;  // as drain(0)

    // kUnavailable: too many turns wait, or it is draining.
    virtual Result<std::shared_ptr<TurnTicket>> submit(TurnRequest request,
                                                       std::shared_ptr<TurnListener> listener,
                                                       const SubmitOptions& options) = 0;
    // Runs on the engine thread between two steps. kUnavailable: too many tasks wait, or it has stopped.
    virtual Status run(std::function<void(AgentMemory&)> task) = 0;
    // The same when the model is loaded.
    virtual Status run_on(ModelWish wish, ModelTask task) = 0;
    virtual SchedulerStats stats() const = 0;  // of all models
    virtual std::vector<ModelStatus> models() const = 0;
    // No new turns; those that run and wait may finish within timeout_ms, then they are cancelled. KV of all
    // is saved.
    virtual void drain(std::uint32_t timeout_ms) = 0;
};

}  // namespace kvasir
