// The part of a state image that holds the state of recurrent layers, read and written completely by us. Part
// of the codec of state_image.h. Pure functions over bytes; thread-safe. The format of v0.5.0:
//   u32 cells (0 or 1); per cell i32 position, u32 0; u32 0 (not transposed), u32 layers of the whole model;
//   per recurrent layer i32 type, u64 bytes, cells times so many bytes (inputs); then the same for the states
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/tokens.h"
#include "engine/llama/state_pieces.h"
#include "engine/llama/state_reader.h"

namespace kvasir {

// What one recurrent layer keeps, as llama.cpp numbers types. `inputs`: what a convolution still needs.
struct SnapshotLayer {
    std::int32_t inputs_type = 0;
    std::uint64_t inputs_bytes = 0;
    std::int32_t state_type = 0;
    std::uint64_t state_bytes = 0;
};

struct SnapshotGeometry {
    std::uint32_t model_layers = 0;  // all of the model's
    std::vector<SnapshotLayer> layers;

    std::uint64_t bytes() const;
};

struct SnapshotState {
    std::optional<Position> end;  // so many tokens; nothing: there is no state in the image
    std::vector<std::span<const std::byte>> pieces;  // inputs of every layer, then states of every layer
};

std::uint64_t snapshot_part_bytes_max(const SnapshotGeometry& geometry);
// kDamaged: another shape, more than one state, a position at or beyond positions_max.
Result<SnapshotState> read_snapshot_part(StateReader& reader, const SnapshotGeometry& geometry,
                                         Position positions_max);
// `end` nothing: a part without a state. Else the bytes, which outlive the image, are its pieces, one after
// the other.
void put_snapshot_part(StatePieces& image, const SnapshotGeometry& geometry, std::optional<Position> end,
                       std::span<const std::byte> bytes);

}  // namespace kvasir
