// What the engine thread does, without the thread: waiting turns become active, active ones make steps.
// Engine thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memory/turn_run.h"
#include "sched/idle_reads.h"
#include "sched/scheduler.h"

namespace kvasir {

struct WaitingTurn {
    TurnRequest request;
    std::shared_ptr<TurnListener> listener;
    std::shared_ptr<TurnTicket> ticket;
    std::int64_t deadline_us = 0;                    // 0: none
    std::optional<ModelIndex> model = std::nullopt;  // that it is for; nullopt: the agent's own
    bool expired = false;                            // the deadline cancelled it
};

class EngineLoop {
  public:
    EngineLoop(const SchedulerOptions& options, AgentMemory& memory, const Engine& engine, const Clock& clock)
        : options_(options),
          memory_(memory),
          engine_(engine),
          clock_(clock),
          idle_reads_(options, memory, engine) {}

    void add(WaitingTurn turn) {
        pause_idle_work();
        waiting_.push_back(std::move(turn));
        may_start_ = true;
    }
    // One round: starts what can start, restores some, one step, saves some.
    void round();
    bool idle() const { return waiting_.empty() && active_.empty(); }
    // Where nobody waits, here or elsewhere: one step of what may be wanted next.
    void idle_step();
    bool has_idle_work() const { return !idle_reads_.empty(); }
    void pause_idle_work() { idle_reads_.pause(); }
    std::size_t waiting() const { return waiting_.size(); }
    std::size_t active() const { return active_.size(); }
    // Turns that have not begun; they are the caller's now.
    std::list<WaitingTurn> take_waiting() { return std::exchange(waiting_, {}); }
    void cancel_all();
    SchedulerStats stats() const;  // any thread

  private:
    struct ActiveTurn {
        WaitingTurn turn;
        std::unique_ptr<TurnRun> run;
        std::int64_t begin_us = 0;
        std::size_t first_row = 0;
        std::size_t row_count = 0;
    };

    void start_waiting();
    bool may_run(const WaitingTurn& turn, const std::vector<const WaitingTurn*>& before) const;
    enum class Started { kYes, kNotNow };
    Started start(WaitingTurn& turn);
    void fill_batch();
    void step();
    void give_up(const Error& error);
    void note_results();
    void note_duration(const ActiveTurn& turn);
    std::int64_t slice_end_us() const;
    ActiveTurn* first_at(TurnStage stage);
    void restore_some();
    void plan_saves();
    void advance_save(TurnRun& run, void (TurnRun::*part)());
    void save_some();
    void wait_for_file();
    std::size_t places_taken() const;
    void expire();
    void tell(const WaitingTurn& turn, Result<TurnResult> result);
    std::uint64_t cells_reserved() const;

    SchedulerOptions options_;
    AgentMemory& memory_;
    const Engine& engine_;
    const Clock& clock_;
    std::list<WaitingTurn> waiting_;
    std::list<ActiveTurn> active_;
    bool may_start_ = false;  // something changed since nothing more could start
    std::vector<BatchRow> rows_;
    IdleReads idle_reads_;
    mutable std::mutex stats_mutex_;
    SchedulerStats stats_;
};

}  // namespace kvasir
