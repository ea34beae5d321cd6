// Are all numbers of KV rows finite? One NaN in a shared pool poisons other agents' attention, so none may
// get in.
#include <cstdint>
#include <cstring>

#include <fmt/format.h>
#include <ggml.h>

#include "engine/llama/state_image.h"

namespace kvasir {

namespace {

// Where the half floats of a quantised type stand: `count` of them at the begin of each `stride` bytes.
struct ScalePlaces {
    std::size_t stride = 0;
    std::size_t count = 0;
};

ScalePlaces scales_of(std::int32_t type) {
    switch (type) {
        case GGML_TYPE_Q8_0:
            return {34, 1};
        case GGML_TYPE_Q4_0:
        case GGML_TYPE_IQ4_NL:
            return {18, 1};
        case GGML_TYPE_Q4_1:
            return {20, 2};
        case GGML_TYPE_Q5_0:
            return {22, 1};
        case GGML_TYPE_Q5_1:
            return {24, 2};
        default:
            return {};
    }
}

// Rows that are nothing but floats, eight bytes at a time: adding the lowest exponent bit to the exponent of
// each float carries into its sign place only when all exponent bits are set, which is what infinities and
// NaNs have.
bool all_finite_packed(std::span<const std::byte> rows, std::uint64_t exponents, std::uint64_t lowest_bits,
                       std::uint64_t signs) {
    std::uint64_t carried = 0;
    std::size_t i = 0;
    for (; i + 8 <= rows.size(); i += 8) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, rows.data() + i, sizeof(bits));
        carried |= (bits & exponents) + lowest_bits;
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, rows.data() + i, rows.size() - i);
    carried |= (rest & exponents) + lowest_bits;
    return (carried & signs) == 0;
}

bool all_scales_finite(std::span<const std::byte> rows, const ScalePlaces& places) {
    constexpr std::uint32_t kHalfExponent = 0x7c00;
    for (std::size_t i = 0; i + places.stride <= rows.size(); i += places.stride) {
        for (std::size_t k = 0; k < places.count; ++k) {
            std::uint16_t bits = 0;
            std::memcpy(&bits, rows.data() + i + 2 * k, sizeof(bits));
            if ((bits & kHalfExponent) == kHalfExponent) return false;
        }
    }
    return true;
}

bool all_finite(std::span<const std::byte> rows, std::int32_t type) {
    switch (type) {
        case GGML_TYPE_F32:
            return all_finite_packed(rows, 0x7f8000007f800000, 0x0080000000800000, 0x8000000080000000);
        case GGML_TYPE_F16:
            return all_finite_packed(rows, 0x7c007c007c007c00, 0x0400040004000400, 0x8000800080008000);
        case GGML_TYPE_BF16:
            return all_finite_packed(rows, 0x7f807f807f807f80, 0x0080008000800080, 0x8000800080008000);
        default:
            const ScalePlaces places = scales_of(type);
            return places.stride > 0 && all_scales_finite(rows, places);  // an unknown type is not trusted
    }
}

}  // namespace

Status check_finite_state(std::span<const std::byte> state) {
    if (all_finite(state, GGML_TYPE_F32)) return {};
    return fail(ErrorCode::kDamaged,
                "the KV state is damaged: a recurrent layer holds a number that is not finite");
}

Status check_finite(std::span<const std::byte> rows, const StateGeometry& geometry, Position row_count) {
    std::uint64_t offset = 0;
    for (std::size_t layer = 0; layer < geometry.size(); ++layer) {
        const std::uint64_t key_bytes = geometry[layer].key_row_bytes * row_count;
        const std::uint64_t value_bytes = geometry[layer].value_row_bytes * row_count;
        if (!all_finite(rows.subspan(offset, key_bytes), geometry[layer].key_type) ||
            !all_finite(rows.subspan(offset + key_bytes, value_bytes), geometry[layer].value_type)) {
            return fail(
                ErrorCode::kDamaged,
                fmt::format("the KV state is damaged: layer {} holds a number that is not finite", layer));
        }
        offset += key_bytes + value_bytes;
    }
    return {};
}

}  // namespace kvasir
