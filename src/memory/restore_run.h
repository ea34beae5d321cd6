// What rows an agent begins with, found and brought a block a step, so that others' turns go on meanwhile:
// its own, those of somebody resident that are copied at once, or stored ones.
//
// Stored blocks that fail are left out and the way is planned anew. The agent is kRestoring from the first
// step to the last; dropped before its end, its sequence holds rows that it does not know of: the place must
// be dropped or rolled back. Engine thread; made by Places, which outlives it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "memory/agent_memory.h"
#include "memory/kv_rates.h"
#include "memory/resident_agent.h"
#include "memory/restore_plan.h"

namespace kvasir {

class Places;

// What a sequence is to hold. The tokens outlive the restore.
struct Wanted {
    std::span<const Token> tokens;
    Position reuse_max = 0;  // at least the tokens after it are evaluated
    std::vector<Position> boundaries;
};

// Somebody resident whose rows are the first of those that are wanted.
struct Leader {
    ResidentAgent* agent = nullptr;
    Position shared = 0;  // of the wanted tokens
};

// What of it is there without evaluating.
struct Reuse {
    Position position = 0;
    Position stored_end = 0;  // append rows that are stored, with or without a restore point there
    ReuseSource source = ReuseSource::kNone;
    std::vector<std::string> failures;               // of stored blocks
    double restore_ms = 0;                           // spent in steps
    RestoreChoice choice = RestoreChoice::kRestore;  // kRecompute: what is stored is read faster
};

class RestoreRun {
  public:
    RestoreRun(Places& places, ResidentAgent& agent, Wanted wanted,
               std::function<void(Position done)> on_progress);
    ~RestoreRun();
    RestoreRun(const RestoreRun&) = delete;
    RestoreRun& operator=(const RestoreRun&) = delete;

    // Plans, or imports one block. An error: nothing could be made of the place.
    Status step();
    bool done() const { return stage_ == Stage::kDone; }
    // For rows that another turn reads just now, or that a save writes, or until one has copied those that
    // are to go: steps do nothing until then.
    bool waits() const {
        return (stage_ == Stage::kFollow || stage_ == Stage::kSave || stage_ == Stage::kCopies) && !alone_;
    }
    void go_alone() { alone_ = true; }
    const Reuse& reuse() const { return reuse_; }  // when done

  private:
    enum class Stage { kPlan, kFollow, kSave, kCopies, kImport, kDone };

    Status advance();
    Status make_plan();
    Status follow();
    Status plan_anew();
    bool copies_pay(Position kept) const;
    bool save_pays() const;
    bool copying_pays(Position shared) const;
    Status copy_from(const Leader& leader);
    Status import_next();
    Status import_failed(const PlannedBlock& planned, const Error& error);
    Status adopt();
    Status finish();
    void note_durability();
    bool can_rewind_in_place() const;
    bool importing_pays();
    void hold_plan();
    void note_use();

    Places& places_;
    ResidentAgent& agent_;
    Wanted wanted_;
    std::function<void(Position)> on_progress_;
    std::optional<AgentState> busy_before_;
    Stage stage_ = Stage::kPlan;
    Position shared_ = 0;     // of the agent's own rows, those that are wanted, as long as they are there
    Position own_ = 0;        // of them, what can be had without anything stored
    bool alone_ = false;      // waits for nobody (any more)
    bool copies_ = true;      // until that failed
    Position otherwise_ = 0;  // what there is without waiting
    Position kept_ = 0;       // kCopies: of the rows that the agent has
    std::optional<std::int64_t> save_awaited_us_;  // since then
    std::set<BlockName> excluded_;
    RestorePlan plan_;
    BlockHold hold_;        // of the plan's blocks
    std::size_t next_ = 0;  // of them
    Reuse reuse_;
};

}  // namespace kvasir
