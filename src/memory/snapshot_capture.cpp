#include "memory/snapshot_capture.h"

#include <algorithm>
#include <utility>

namespace kvasir {

Status SnapshotCapture::capture(Engine& engine, SequenceId sequence, Position position) {
    if (find(position) != nullptr) return {};
    auto state = std::make_shared<std::vector<std::byte>>();
    KVASIR_TRY(engine.export_snapshot(sequence, *state));
    bytes_seen_ = state->size();
    captured_.push_back({position, std::move(state)});
    return {};
}

void SnapshotCapture::rewind(Position position) {
    std::erase_if(captured_, [&](const CapturedSnapshot& snapshot) { return snapshot.end > position; });
}

const CapturedSnapshot* SnapshotCapture::find(Position end) const {
    const auto found = std::find_if(captured_.begin(), captured_.end(),
                                    [&](const CapturedSnapshot& snapshot) { return snapshot.end == end; });
    return found == captured_.end() ? nullptr : &*found;
}

std::uint64_t SnapshotCapture::bytes_alone() const {
    std::uint64_t sum = 0;
    for (const CapturedSnapshot& captured : captured_)
        sum += captured.state.use_count() == 1 ? captured.state->size() : 0;
    return sum;
}

}  // namespace kvasir
