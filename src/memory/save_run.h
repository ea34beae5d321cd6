// One save of a resident agent's KV: a block a step is copied out of the engine, files are written by another
// thread, the catalog's references come last. Rows that a block of the same name holds already are not
// written again, so a save costs the new tokens and one partial block.
//
// A save that cannot be done is no error: tokens are the truth. The result says why. The agent must be idle;
// it is kSaving then. As soon as it is planned another turn may take the agent's place: rows that are not
// copied yet are copied while that turn goes on from them, and those that it wants to change before it does
// (copy_beyond()). One that waits for an earlier one of its agent gives way to the turn: the turn's own save
// has its rows, too. Dropped before its end, a save leaves nothing behind. Engine thread.
//   save_run.cpp: the way     save_files.cpp: blocks become files     save_points.cpp: windows and states
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "memory/kv_context.h"
#include "memory/resident_agent.h"
#include "memory/row_image.h"
#include "memory/save_room.h"
#include "memory/token_chain.h"

namespace kvasir {

// What all saves together have copied and not written yet; each may have one block at least.
inline constexpr std::uint64_t kSaveBytesInFlightMax = 128ULL * 1024 * 1024;
inline constexpr std::size_t kSaveFilesInFlightMax = 64;  // of one save

class SavesInFlight;

class SaveRun {
  public:
    // `saves` has those that run, this one as long as it does. `on_done` is told of its end, whoever brings
    // it about.
    SaveRun(KvContext context, const Clock& clock, SavesInFlight& saves, ResidentAgent& agent,
            std::function<void(const SaveRun&)> on_done);
    ~SaveRun();
    SaveRun(const SaveRun&) = delete;
    SaveRun& operator=(const SaveRun&) = delete;

    // Plans, makes some room, copies one block, or writes the references; with an earlier save of the agent
    // running, a step of that. Waits for no file.
    void step();
    bool done() const { return stage_ == Stage::kDone; }
    const SaveResult& result() const { return result_; }  // when done
    // A step would do nothing before a file is written.
    bool waits() const;
    void wait_some() const;  // until then, but not long
    void finish_all();       // steps and waits until it is done

    // Another turn may take the agent's place: when the plan is made, and while an earlier save runs, on
    // whose blocks the plan will count. Not when windows and states wait for it that take much memory.
    bool may_let_go() const;
    bool planned() const { return stage_ != Stage::kPlan; }
    // Not planned, and no earlier save of the agent runs.
    bool may_plan() const;
    // It does: what the agent is to become is no longer this save's. Without a plan it is done, by leaving
    // its rows to the turn's save.
    void let_go();
    // Rows from `kept` on that are not copied yet.
    Position rows_to_copy(Position kept) const;
    // Copies them now, whatever is in flight: the agent is about to lose them.
    void copy_beyond(Position kept);

    const AgentRecord& agent() const { return record_; }
    Position length() const { return length_; }
    // What it saves; not when done.
    std::span<const Token> tokens() const { return chain_ ? chain_->tokens() : agent_->rows; }
    std::uint64_t bytes_in_flight() const;
    // That file, if it is this save's and not referred to yet: under way, or there.
    std::shared_ptr<BlockWrite> file_under_way(const BlockName& name) const;
    const StoredBlock* file_there(const BlockName& name) const;

  private:
    enum class Stage { kPlan, kRoom, kWrite, kRefer, kDone };
    // A file to write. Window rows and states were copied before; append rows are when it is their turn.
    struct Pending {
        BlockIdentity identity;
        SharedImage image;
        bool begun = false;

        bool is_to_copy(Position kept) const {
            return !begun && image == nullptr && identity.range.end > kept;
        }
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
    Status keep_conversation();
    Status choose_points();
    Result<std::vector<Position>> possible_points() const;
    Result<std::vector<Pending>> missing_segments() const;
    Result<bool> add_window(Point& point, const std::vector<Pending>& missing) const;
    Result<bool> add_snapshot(Point& point, std::vector<Pending>& missing) const;
    std::uint64_t state_bytes() const;
    // One begun, by this save or by another one that writes the same block: a second file of it would take
    // the place of the first, and rows of the same tokens are not always the same bytes. `rows`: the memory
    // of its image, to be used again; null where others have it too.
    struct Write {
        BlockName name;
        std::shared_ptr<BlockWrite> file;
        std::shared_ptr<std::vector<std::byte>> rows;
    };

    bool all_copied() const { return next_ == plan_.pending.size(); }
    bool may_copy() const;
    Status write_some();
    Status begin(Pending& pending);
    void end_copying(Stage next);
    void leave_rows();
    void let_others_take_place();
    void give_way();
    void end();
    bool share_file(const BlockName& name);
    Status begin_write(const Pending& pending);
    void note_written(StoredBlock block);
    Status collect_written();
    void collect_all();
    Status refer();
    void finish(const Status& status);
    void leave_agent(bool saved);
    void remove_written();

    KvContext context_;
    const Clock& clock_;
    SavesInFlight& saves_;
    ResidentAgent* agent_;           // null: let go
    ResidentAgent* rows_ = nullptr;  // who has the rows that are still to be copied
    AgentRecord record_;
    std::optional<BranchId> branch_;
    Position length_ = 0;
    Stage stage_ = Stage::kPlan;
    std::uint32_t attempts_ = 0;
    std::optional<TokenChain> chain_;
    Plan plan_;
    std::size_t next_ = 0;      // of plan_.pending
    std::deque<Write> writes_;  // oldest first
    std::vector<StoredBlock> written_;
    BlockHold hold_;  // what it counts on, and what it writes
    SaveRoom room_;
    SaveResult result_;
    std::optional<std::int64_t> begin_us_;
    std::function<void(const SaveRun&)> on_done_;
};

// Files whose rows are gone since something else took their place.
void remove_superseded(Store& store, const std::vector<StoredBlock>& blocks);

}  // namespace kvasir
