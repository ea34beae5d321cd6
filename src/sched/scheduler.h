// The engine thread: it alone touches engine and memory. Turns of many agents run beside each other, all in
// one batch per step; between steps it runs short tasks (listing, saving, evicting).
//
// start(), drain() and the destructor belong to one thread, submit(), run() and stats() to any. Listeners are
// called on the engine thread and must not block.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "memory/agent_memory.h"
#include "sched/batch_plan.h"

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
    std::uint32_t timeout_ms = 0;  // from now; the turn is cancelled then. 0: none
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
};

class Scheduler {
  public:
    static std::unique_ptr<Scheduler> start(const SchedulerOptions& options, AgentMemory& memory,
                                            const Engine& engine, const Clock& clock);
    virtual ~Scheduler() = default;  // as drain(0)

    // kUnavailable: too many turns wait, or it is draining.
    virtual Result<std::shared_ptr<TurnTicket>> submit(TurnRequest request,
                                                       std::shared_ptr<TurnListener> listener,
                                                       const SubmitOptions& options) = 0;
    // Runs on the engine thread between two steps. kUnavailable: too many tasks wait, or it has stopped.
    virtual Status run(std::function<void(AgentMemory&)> task) = 0;
    virtual SchedulerStats stats() const = 0;
    // No new turns; those that run and wait may finish within timeout_ms, then they are cancelled. KV of all
    // is saved.
    virtual void drain(std::uint32_t timeout_ms) = 0;
};

}  // namespace kvasir
