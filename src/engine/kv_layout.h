// The geometry of one model's KV state: what a plane's RowImage and its snapshots look like. Values only,
// thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/tokens.h"

namespace kvasir {

enum class Plane { kAppend, kWindow };

// One attention layer. Types are ggml's names ("f16", "q8_0"); value_row_bytes 0: the layer has no value rows
// (MLA).
struct KvLayer {
    std::uint32_t index = 0;  // the model's own layer number
    std::string key_type;
    std::string value_type;
    std::uint64_t key_row_bytes = 0;
    std::uint64_t value_row_bytes = 0;
    friend bool operator==(const KvLayer&, const KvLayer&) = default;
};

// kSliding: the next token sees the last window_tokens rows. kChunked: it sees those rows of the chunk of
// window_tokens positions in which it stands itself, none at a chunk's first position.
enum class WindowShape { kSliding, kChunked };

// kParts: states of known names and sizes. kOpaque: all that the engine knows of a sequence, rows included,
// in a form that nobody takes apart; there are no rows besides it.
enum class SnapshotForm { kNone, kParts, kOpaque };

// One state of a recurrent layer, F32.
struct SnapshotPart {
    std::string name;  // "layer_3.r", "layer_3.s"
    std::uint64_t bytes = 0;
    friend bool operator==(const SnapshotPart&, const SnapshotPart&) = default;
};

struct KvLayout {
    std::vector<KvLayer> append;
    std::vector<KvLayer> window;
    Position window_tokens = 0;  // 0: no window plane
    WindowShape window_shape = WindowShape::kSliding;
    SnapshotForm snapshot_form = SnapshotForm::kNone;
    std::vector<SnapshotPart> snapshot;  // kParts: in the order of their bytes

    bool has_rows() const { return !append.empty(); }
    bool has_window() const { return window_tokens > 0; }
    bool has_snapshot() const { return snapshot_form != SnapshotForm::kNone; }
    const std::vector<KvLayer>& layers(Plane plane) const {
        return plane == Plane::kAppend ? append : window;
    }
    std::uint64_t row_bytes(Plane plane) const {
        std::uint64_t bytes = 0;
        for (const KvLayer& layer : layers(plane)) bytes += layer.key_row_bytes + layer.value_row_bytes;
        return bytes;
    }
    std::uint64_t snapshot_bytes() const {  // 0 when opaque: it depends on the sequence
        std::uint64_t bytes = 0;
        for (const SnapshotPart& part : snapshot) bytes += part.bytes;
        return bytes;
    }
    // The window rows that a sequence of `position` tokens needs.
    TokenRange window_range(Position position) const {
        if (!has_window()) return {position, position};
        if (window_shape == WindowShape::kChunked)
            return {position / window_tokens * window_tokens, position};
        return {position > window_tokens ? position - window_tokens : 0, position};
    }
    // The lowest position whose window lies in rows from `held_begin` on.
    Position window_complete_from(Position held_begin) const {
        if (held_begin == 0 || !has_window()) return 0;
        if (window_shape == WindowShape::kSliding) return held_begin + window_tokens;
        return (held_begin + window_tokens - 1) / window_tokens * window_tokens;
    }
    friend bool operator==(const KvLayout&, const KvLayout&) = default;
};

}  // namespace kvasir
