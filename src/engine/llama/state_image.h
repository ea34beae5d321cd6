// The byte format of llama.cpp's per-sequence state (llama_state_seq_get_data_ext), read and written
// completely by us.
//
// llama.cpp checks little of what it is handed: positions, finiteness, trailing bytes not at all, and it may
// poison other sequences or abort. So no image reaches it that parse_state() has not walked to the last byte.
// Pure functions over bytes; thread-safe. The format of v0.5.0, all little endian and packed:
//   u32 magic, i32 sequence id (ignored), then one part per cache: [append part] [window part] [snapshot
//   part] rows part: u32 streams (1), u32 cells; if cells > 0: per cell i32 position, u32 1, [i32 x, i32 y,
//   i32 token,] i32 sequence id; u32 0 (V not transposed), u32 layers; per layer i32 type, u64 row bytes,
//   cells rows of K; then the same for V of every layer that has V. snapshot_image.h has the snapshot part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/tokens.h"
#include "engine/llama/snapshot_image.h"

namespace kvasir {

inline constexpr std::uint32_t kStateMagic = 0xaf143cd8;

// Rows of one layer as llama.cpp numbers types (enum ggml_type). value_row_bytes 0: no value rows.
struct StateLayer {
    std::int32_t key_type = 0;
    std::uint64_t key_row_bytes = 0;
    std::int32_t value_type = 0;
    std::uint64_t value_row_bytes = 0;
};

using StateGeometry = std::vector<StateLayer>;

// One cache's part of an image. Spans point into the image; rows stand in cell order, which is not position
// order.
struct StatePart {
    std::vector<Position> positions;
    std::vector<std::span<const std::byte>> keys;  // per layer, positions.size() rows; empty without cells
    std::vector<std::span<const std::byte>> values;
};

// kPlane: models with positions in a plane (M-RoPE) note x, y and the token of each cell. Text stands at x =
// y = position; the token is not used for attention and is not kept.
enum class CellNote { kNone, kPlane };

struct StateGeometries {
    const StateGeometry* append = nullptr;  // nullptr: that part is not in the image
    const StateGeometry* window = nullptr;
    const SnapshotGeometry* snapshot = nullptr;
    CellNote cell_note = CellNote::kNone;
};

struct ParsedState {
    StatePart append;
    StatePart window;
    SnapshotState snapshot;
};

// Walks the whole image: exact length, counts up to cells_max, positions in [0, cells_max) and unique, types
// and row sizes as in the geometry. kDamaged says what is wrong.
Result<ParsedState> parse_state(std::span<const std::byte> image, const StateGeometries& geometries,
                                Position cells_max);
Result<ParsedState> parse_state(const StatePieces& image, const StateGeometries& geometries,
                                Position cells_max);

// The part must hold exactly the positions of `range`: else kDamaged.
Status check_positions(const StatePart& part, TokenRange range);

// Composes the image whose parts hold `range` with these rows (a row image), which outlive it. Of the two
// geometries the one given in `filled` gets the rows; other parts, if present, are empty.
enum class FilledPart { kAppend, kWindow };
StatePieces compose_state(const StateGeometries& geometries, FilledPart filled, TokenRange range,
                          std::span<const std::byte> rows);

// Composes the image that holds the state of `end` tokens; parts for rows, if present, are empty. The state
// outlives the image.
StatePieces compose_snapshot(const StateGeometries& geometries, Position end,
                             std::span<const std::byte> state);
// The same of a state that nobody takes apart.
StatePieces compose_opaque(std::span<const std::byte> state);
// Copies a snapshot part's pieces into `state`. kDamaged: it is not the state of `end` tokens.
Status bytes_of_snapshot(const SnapshotState& snapshot, Position end, std::vector<std::byte>& state);

std::uint64_t row_image_bytes(const StateGeometry& geometry, Position rows);

// No image of so many rows in each part is longer.
std::uint64_t state_bytes_max(const StateGeometries& geometries, Position rows);

// kDamaged when a number is a NaN or an infinity (for quantised types: a scale). `part` are the bytes from
// `begin` on of the image of so many rows; of a part that is not the whole image only when it
// can_be_looked_at_in_parts(), and for a `begin` that is a multiple of four.
Status check_finite(std::span<const std::byte> part, std::uint64_t begin, const StateGeometry& geometry,
                    Position row_count);
// Whether no number reaches from one part into the next, wherever they meet.
bool can_be_looked_at_in_parts(const StateGeometry& geometry, Position row_count);
// The same for a snapshot's bytes, which are F32.
Status check_finite_state(std::span<const std::byte> state);

}  // namespace kvasir
