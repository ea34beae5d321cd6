// A state of llama.cpp's. Input: one byte that chooses the geometry, then the image.
#include <algorithm>

#include "fuzz/byte_feed.h"
#include <ggml.h>

#include "engine/llama/state_image.h"

namespace kvasir::fuzz {

namespace {

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
void check_rows(const StatePart& part, const StateGeometry& geometry) {
    if (part.positions.empty()) return;
    const TokenRange range = range_of(part);
    std::vector<std::byte> rows;
    const Status copied = rows_of_part(part, geometry, range, rows);
    require(copied.has_value() == (part.positions.size() == range.size()),
            "rows are those of a range without gaps");
    if (!copied) return;
    (void)check_finite(rows, geometry, range.size());
    std::vector<std::byte> image;
    compose_state({&geometry, nullptr}, FilledPart::kAppend, range, rows, image);
    const auto again = parse_state(image, {&geometry, nullptr}, kCellsMax);
    std::vector<std::byte> rows_again;
    require(again && rows_of_part(again->append, geometry, range, rows_again),
            "an image of ours is accepted");
    require(rows == rows_again, "rows survive the way there and back");
}

}  // namespace

Outcome run_target(Input input) {
    ByteFeed feed(input);
    const std::uint8_t choice = feed.byte();
    const StateGeometry geometry = geometry_of(choice);
    const StateGeometries geometries{(choice & 0x10U) != 0 ? nullptr : &geometry,
                                     (choice & 0x20U) != 0 ? &geometry : nullptr};
    const auto image = std::as_bytes(feed.rest());
    const auto state = parse_state(image, geometries, kCellsMax);
    if (!state) {
        require(state.error().code == ErrorCode::kDamaged, "a state is refused as damaged");
        return Outcome::kRefused;
    }
    require(image.size() <= state_bytes_max(geometries, kCellsMax),
            "no accepted image is longer than the longest");
    check_rows(state->append, geometry);
    check_rows(state->window, geometry);
    const bool rare = !state->append.positions.empty() && state->append.positions.front() == 33;
    return rare ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
