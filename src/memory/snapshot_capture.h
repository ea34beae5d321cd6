// Snapshots wait in memory from the step that made them until the save: the engine forgets them as it goes
// on. One resident agent's; the engine thread's.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/engine.h"
#include "store/block.h"

namespace kvasir {

struct CapturedSnapshot {
    Position end = 0;
    SharedImage state;
};

class SnapshotCapture {
  public:
    // Exports the state of `position`, which must be the sequence's length now.
    Status capture(Engine& engine, SequenceId sequence, Position position);
    // The sequence was rewound: what lies behind is another past now.
    void rewind(Position position);
    void drop() { captured_.clear(); }  // they are durable, or not wanted
    void drop(Position end) {
        std::erase_if(captured_, [&](const CapturedSnapshot& captured) { return captured.end == end; });
    }

    const CapturedSnapshot* find(Position end) const;         // null: none
    std::uint64_t bytes_alone() const;                        // of those that no save has, too
    std::uint64_t bytes_seen() const { return bytes_seen_; }  // of the last one; 0: none yet

  private:
    std::vector<CapturedSnapshot> captured_;
    std::uint64_t bytes_seen_ = 0;
};

}  // namespace kvasir
