// Reading ahead while nobody waits: what the next prompts of agents with a full context begin with, one agent
// after the other, a chunk a step. Anything else goes first: a turn or a task that comes waits for one chunk
// at most, then the place is free again; what was read by then stays and is gone on from.
//
// Engine thread; memory and engine outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "memory/turn_run.h"
#include "sched/scheduler.h"

namespace kvasir {

inline constexpr std::size_t kReadAheadsMax = 64;  // that wait; beyond it the oldest is forgotten

class IdleReads {
  public:
    IdleReads(const SchedulerOptions& options, AgentMemory& memory, const Engine& engine)
        : options_(options), memory_(memory), engine_(engine) {}

    // In place of an earlier one of that agent.
    void add(ReadAhead wish);
    bool empty() const { return wishes_.empty(); }
    // Begins, brings back one stored block, or reads one chunk.
    void step();
    // Its place is nobody's. The next step goes on.
    void pause() { run_.reset(); }
    void forget_all();
    void add_to(SchedulerStats& stats) const;

  private:
    void begin();
    void read_chunk();
    void end_first();

    SchedulerOptions options_;
    AgentMemory& memory_;
    const Engine& engine_;
    std::deque<ReadAhead> wishes_;
    std::unique_ptr<TurnRun> run_;  // of the first wish; null: it is paused
    std::vector<BatchRow> rows_;
    std::uint64_t done_ = 0;
    std::uint64_t tokens_ = 0;
};

}  // namespace kvasir
