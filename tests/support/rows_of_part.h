// The rows of a parsed state whose bytes are there, in position order: what the engine's own copy, out of its
// tensors, must come to. Pure; any thread.
#pragma once

#include <cstring>
#include <vector>

#include "engine/llama/state_image.h"

namespace kvasir::test {

// For each layer all key rows, then all value rows.
inline Status rows_of_part(const StatePart& part, const StateGeometry& geometry, TokenRange range,
                           std::vector<std::byte>& rows) {
    KVASIR_TRY(check_positions(part, range));
    rows.resize(row_image_bytes(geometry, range.size()));
    std::byte* out = rows.data();
    const auto copy_rows = [&](std::span<const std::byte> from, std::uint64_t row_bytes) {
        if (row_bytes == 0) return;
        for (std::size_t cell = 0; cell < part.positions.size(); ++cell) {
            std::memcpy(out + row_bytes * (part.positions[cell] - range.begin),
                        from.data() + row_bytes * cell, row_bytes);
        }
        out += row_bytes * range.size();
    };
    for (std::size_t layer = 0; layer < geometry.size(); ++layer) {
        copy_rows(part.keys[layer], geometry[layer].key_row_bytes);
        copy_rows(part.values[layer], geometry[layer].value_row_bytes);
    }
    return {};
}

}  // namespace kvasir::test
