// One save of a resident agent's KV while it is written: a block a step, in order, the catalog's references
// last. Rows that a block of the same name holds already are not written again, so a save costs the new
// tokens and one partial block.
//
// A save that cannot be done is no error: tokens are the truth. The result says why. The agent is kSaving
// from the first step to the last and its rows must not change; dropped before its end, a save leaves nothing
// behind. Engine thread.
//   save_run.cpp: the way     save_points.cpp: windows and states
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "memory/kv_context.h"
#include "memory/resident_agent.h"
#include "memory/row_image.h"
#include "memory/save_room.h"
#include "memory/token_chain.h"

namespace kvasir {

class SaveRun {
  public:
    // `image` is memory to work in, of the caller's, used by one save at a time within a step.
    SaveRun(KvContext context, const Clock& clock, ResidentAgent& agent, std::vector<std::byte>& image);
    ~SaveRun();
    SaveRun(const SaveRun&) = delete;
    SaveRun& operator=(const SaveRun&) = delete;

    // Plans, makes some room, writes one block, or writes the references.
    void step();
    bool done() const { return stage_ == Stage::kDone; }
    const SaveResult& result() const { return result_; }  // when done

  private:
    enum class Stage { kPlan, kRoom, kWrite, kRefer, kDone };
    // A file to write. Window rows and states were exported before; append rows are when it is their turn.
    struct Pending {
        BlockIdentity identity;
        const std::vector<std::byte>* image = nullptr;
    };
    // A position at which a restore may end, and what it needs for that besides append rows.
    struct Point {
        Position position = 0;
        std::vector<BlockName> files;
    };
    struct Plan {
        std::vector<Pending> pending;
        std::vector<BlockName> references;
        std::uint64_t blocks_shared = 0;
        std::uint64_t image_bytes = 0;
    };

    Status advance();
    Status make_plan();
    Status make_room();
    Status plan_append();
    Status plan_points();
    Status choose_points();
    Result<std::vector<Position>> possible_points() const;
    Result<std::vector<Pending>> missing_segments() const;
    Result<bool> add_window(Point& point, const std::vector<Pending>& missing) const;
    Result<bool> add_snapshot(Point& point, std::vector<Pending>& missing) const;
    std::uint64_t state_bytes() const;
    Status write_next();
    Result<StoredBlock> write_block(const Pending& pending);
    Status refer();
    void finish(const Status& status);
    void remove_written();

    KvContext context_;
    const Clock& clock_;
    ResidentAgent& agent_;
    std::vector<std::byte>& image_;
    std::optional<AgentState> busy_before_;
    Stage stage_ = Stage::kPlan;
    std::uint32_t attempts_ = 0;
    std::optional<TokenChain> chain_;
    Plan plan_;
    std::size_t next_ = 0;  // of plan_.pending
    std::vector<StoredBlock> written_;
    BlockHold hold_;  // what it counts on, and what it writes
    SaveRoom room_;
    SaveResult result_;
    double spent_ms_ = 0;
};

// Files whose rows are gone since something else took their place.
void remove_superseded(Store& store, const std::vector<StoredBlock>& blocks);

}  // namespace kvasir
