// Are all numbers of KV rows finite? One NaN in a shared pool poisons other agents' attention, so none may
// get in.
#include <cstdint>
#include <cstring>

#include <fmt/format.h>
#include <ggml.h>

#include "engine/llama/state_image.h"

namespace kvasir {

namespace {

// Where the floats of a type stand: `count` of them at the begin of each `stride` bytes.
struct FloatPlaces {
    std::size_t stride = 0;
    std::size_t count = 0;
    std::uint32_t exponent_mask = 0;  // of a 16-bit float
};

constexpr std::uint32_t kHalfExponent = 0x7c00;
constexpr std::uint32_t kBrainExponent = 0x7f80;

bool places_of(std::int32_t type, FloatPlaces& places) {
    switch (type) {
        case GGML_TYPE_F16:
            places = {2, 1, kHalfExponent};
            return true;
        case GGML_TYPE_BF16:
            places = {2, 1, kBrainExponent};
            return true;
        case GGML_TYPE_Q8_0:
            places = {34, 1, kHalfExponent};
            return true;
        case GGML_TYPE_Q4_0:
        case GGML_TYPE_IQ4_NL:
            places = {18, 1, kHalfExponent};
            return true;
        case GGML_TYPE_Q4_1:
            places = {20, 2, kHalfExponent};
            return true;
        case GGML_TYPE_Q5_0:
            places = {22, 1, kHalfExponent};
            return true;
        case GGML_TYPE_Q5_1:
            places = {24, 2, kHalfExponent};
            return true;
        default:
            return false;
    }
}

bool all_finite_f32(std::span<const std::byte> rows) {
    constexpr std::uint32_t kExponent = 0x7f800000;
    for (std::size_t i = 0; i + 4 <= rows.size(); i += 4) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, rows.data() + i, sizeof(bits));
        if ((bits & kExponent) == kExponent) return false;
    }
    return true;
}

bool all_finite(std::span<const std::byte> rows, std::int32_t type) {
    if (type == GGML_TYPE_F32) return all_finite_f32(rows);
    FloatPlaces places;
    if (!places_of(type, places)) return false;  // an unknown type is not trusted
    for (std::size_t i = 0; i + places.stride <= rows.size(); i += places.stride) {
        for (std::size_t k = 0; k < places.count; ++k) {
            std::uint16_t bits = 0;
            std::memcpy(&bits, rows.data() + i + 2 * k, sizeof(bits));
            if ((bits & places.exponent_mask) == places.exponent_mask) return false;
        }
    }
    return true;
}

}  // namespace

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
