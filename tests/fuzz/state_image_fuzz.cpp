// A state of llama.cpp's. Input: one byte that chooses the geometry and which parts there are, then the
// image.
#include <algorithm>

#include "fuzz/byte_feed.h"
#include <ggml.h>

#include "engine/llama/state_image.h"
#include "support/rows_of_part.h"

namespace kvasir::fuzz {

namespace {

using test::rows_of_part;

constexpr Position kCellsMax = 64;

StateGeometry geometry_of(std::uint8_t choice) {
    constexpr StateLayer kHalf{GGML_TYPE_F16, 8, GGML_TYPE_F16, 4};
    constexpr StateLayer kQuantised{GGML_TYPE_Q8_0, 34, GGML_TYPE_Q4_0, 18};
    constexpr StateLayer kKeysOnly{GGML_TYPE_F32, 8, GGML_TYPE_F32, 0};
    const StateLayer layers[] = {kHalf, kQuantised, kKeysOnly, kHalf};
    return StateGeometry(1 + (choice >> 2U) % 2U, layers[choice % 4U]);
}

TokenRange range_of(const StatePart& part) {
    const auto [least, most] = std::minmax_element(part.positions.begin(), part.positions.end());
    return {*least, *most + 1};
}

// The rows of a part that has no gaps make an image that holds the same rows.
void check_rows(const StatePart& part, const StateGeometry& geometry, CellNote note, FilledPart filled) {
    if (part.positions.empty()) return;
    const TokenRange range = range_of(part);
    std::vector<std::byte> rows;
    const Status copied = rows_of_part(part, geometry, range, rows);
    require(copied.has_value() == (part.positions.size() == range.size()),
            "rows are those of a range without gaps");
    if (!copied) return;
    const bool finite = check_finite(rows, 0, geometry, range.size()).has_value();
    const std::size_t half = rows.size() / 8 * 4;
    const std::span<const std::byte> all(rows);
    require(!can_be_looked_at_in_parts(geometry, range.size()) ||
                finite == (check_finite(all.first(half), 0, geometry, range.size()) &&
                           check_finite(all.subspan(half), half, geometry, range.size())),
            "in parts the same numbers are finite");
    const StateGeometries both{&geometry, &geometry, nullptr, note};
    const StatePieces image = compose_state(both, filled, range, rows);
    require(parse_state(image.joined(), both, kCellsMax).has_value(), "copied together it is the same image");
    const auto again = parse_state(image, both, kCellsMax);
    require(again.has_value(), "an image of ours is accepted");
    const StatePart& other = filled == FilledPart::kAppend ? again->append : again->window;
    std::vector<std::byte> rows_again;
    require(rows_of_part(other, geometry, range, rows_again).has_value(),
            "and has the rows that it was given");
    require(rows == rows_again, "rows survive the way there and back");
    const TokenRange shifted{range.begin + 1, range.end + 1};
    require(!rows_of_part(part, geometry, shifted, rows_again), "rows of other positions are refused");
}

void check_snapshot(const SnapshotState& snapshot, const StateGeometries& geometries) {
    if (!snapshot.end) return;
    std::vector<std::byte> state;
    require(bytes_of_snapshot(snapshot, *snapshot.end, state).has_value(), "a state of that position is one");
    require(state.size() == geometries.snapshot->bytes(), "and has the bytes of its geometry");
    std::vector<std::byte> none;
    require(!bytes_of_snapshot(snapshot, *snapshot.end + 1, none), "of another it is not");
    (void)check_finite_state(state);
    const StatePieces image = compose_snapshot(geometries, *snapshot.end, state);
    const auto again = parse_state(image, geometries, kCellsMax);
    std::vector<std::byte> state_again;
    require(again && bytes_of_snapshot(again->snapshot, *snapshot.end, state_again) && state == state_again,
            "a state survives the way there and back");
}

}  // namespace

Outcome run_target(Input input) {
    ByteFeed feed(input);
    const std::uint8_t choice = feed.byte();
    const StateGeometry geometry = geometry_of(choice);
    static const SnapshotGeometry kSnapshot{
        3, {{GGML_TYPE_F32, 8, GGML_TYPE_F32, 16}, {GGML_TYPE_F32, 0, GGML_TYPE_F32, 4}}};
    const StateGeometries geometries{(choice & 0x10U) != 0 ? nullptr : &geometry,
                                     (choice & 0x20U) != 0 ? &geometry : nullptr,
                                     (choice & 0x80U) != 0 ? &kSnapshot : nullptr,
                                     (choice & 0x40U) != 0 ? CellNote::kPlane : CellNote::kNone};
    const auto image = std::as_bytes(feed.rest());
    const auto state = parse_state(image, geometries, kCellsMax);
    if (!state) {
        require(state.error().code == ErrorCode::kDamaged, "a state is refused as damaged");
        return Outcome::kRefused;
    }
    require(image.size() <= state_bytes_max(geometries, kCellsMax),
            "no accepted image is longer than the longest");
    check_rows(state->append, geometry, geometries.cell_note, FilledPart::kAppend);
    check_rows(state->window, geometry, geometries.cell_note, FilledPart::kWindow);
    check_snapshot(state->snapshot, geometries);
    const bool rare = !state->append.positions.empty() && state->append.positions.front() == 33;
    return rare ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
