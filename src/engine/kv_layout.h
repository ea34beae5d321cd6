// The geometry of one model's KV rows: what a plane's RowImage looks like. Values only, thread-safe.
#pragma once

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

struct KvLayout {
    std::vector<KvLayer> append;
    std::vector<KvLayer> window;
    Position window_tokens = 0;  // rows of the window plane that the next token needs; 0: no window plane
    bool has_snapshot = false;

    const std::vector<KvLayer>& layers(Plane plane) const {
        return plane == Plane::kAppend ? append : window;
    }
    std::uint64_t row_bytes(Plane plane) const {
        std::uint64_t bytes = 0;
        for (const KvLayer& layer : layers(plane)) bytes += layer.key_row_bytes + layer.value_row_bytes;
        return bytes;
    }
    // The window rows that a sequence of `position` tokens needs.
    TokenRange window_range(Position position) const {
        return {position > window_tokens ? position - window_tokens : 0, position};
    }
    friend bool operator==(const KvLayout&, const KvLayout&) = default;
};

}  // namespace kvasir
