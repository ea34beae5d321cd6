// Window rows wait in memory from the batch that made them until the save: the engine forgets them as it goes
// on.
//
// At a boundary, a position worth restoring at, the rows of its window that no earlier boundary has are
// exported. Walking back from a boundary, segment by segment, gives its whole window. One resident agent's;
// the engine thread's.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/engine.h"
#include "store/block.h"

namespace kvasir {

struct WindowSegment {
    TokenRange range;  // inside one block
    SharedImage image;
};

class WindowCapture {
  public:
    // Exports what the window of `position` lacks, which must be the sequence's length now.
    Status capture(Engine& engine, SequenceId sequence, Position position);
    // The window of `position` is stored already: the sequence was restored there.
    void assume_stored(Position position);
    // The sequence was rewound: what lies behind is another past now.
    void rewind(Position position);
    void clear();
    // Forgets every boundary but those, and the rows that only others needed.
    void keep_only(const KvLayout& layout, const std::vector<Position>& boundaries);
    void drop_segments() { segments_.clear(); }  // they are durable
    void drop(const SharedImage& image) {        // that one is
        std::erase_if(segments_, [&](const WindowSegment& segment) { return segment.image == image; });
    }

    const std::vector<WindowSegment>& segments() const { return segments_; }
    std::uint64_t bytes_alone() const;  // of those that no save has, too

  private:
    std::vector<WindowSegment> segments_;
    std::vector<Position> covered_;  // ascending: positions whose window is captured or stored
};

}  // namespace kvasir
