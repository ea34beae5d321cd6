// An agent that has KV in the engine: which rows, and what of them must still be written. Owned by Residency.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "memory/agent_memory.h"
#include "memory/snapshot_capture.h"
#include "memory/window_capture.h"
#include "store/catalog.h"

namespace kvasir {

// kNextPrompt: the conversation as it is stored by now, without the turns that its next prompt leaves out.
enum class RowsOf { kConversation, kNextPrompt };

class SaveRun;

struct ResidentAgent {
    AgentRecord record;
    SequenceId sequence{};
    std::optional<BranchId> branch;  // whose rows these are; nothing before the first turn on it is committed
    std::optional<BranchId> head_branch;  // of the agent, when it was seen last
    std::vector<Token> rows;              // the tokens whose rows the sequence holds
    RowsOf rows_of = RowsOf::kConversation;
    std::vector<Position> boundaries;  // positions worth restoring at, besides the end of the rows
    WindowCapture windows;
    SnapshotCapture snapshots;
    std::optional<Position>
        durable_at;                  // rows [0, durable_at), window and state there are stored and referenced
    std::optional<AgentState> busy;  // what is being done with it just now
    SaveRun* writing = nullptr;      // its save, which a turn need not wait for
    SaveRun* copying = nullptr;      // a save that has not copied all of its rows yet; not always its own
    Position cells_promised = 0;     // while it is busy: cells that it may come to hold
    // The prompt that a turn reads into it, and which of all turns that is. Empty: nothing is read.
    std::span<const Token> reading;
    std::uint64_t reading_number = 0;
    std::set<Position> awaited;  // where others wait for it

    Position length() const { return static_cast<Position>(rows.size()); }
    // Neither worked on nor written: it may leave.
    bool idle() const { return !busy && writing == nullptr; }
    bool durable() const { return durable_at == length(); }
    AgentState state() const {
        if (busy) return *busy;
        if (writing != nullptr) return AgentState::kSaving;
        if (rows.empty()) return AgentState::kEmpty;
        return durable() ? AgentState::kReady : AgentState::kPrefilled;
    }
    // Takes note that the sequence was cut to `position`.
    void forget_after(Position position) {
        rows.resize(position);
        std::erase_if(boundaries, [&](Position boundary) { return boundary > position; });
        windows.rewind(position);
        snapshots.rewind(position);
        if (durable_at && *durable_at > position) durable_at.reset();
    }
};

}  // namespace kvasir
