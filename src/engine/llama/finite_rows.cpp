// Are all numbers of KV rows finite? One NaN in a shared pool poisons other agents' attention, so none may
// get in.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

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

// Two numbers of eight bytes at once, which every processor that we build for has: compilers leave a loop
// over single ones as it is at the level of optimisation that we build with.
using Lanes = std::uint64_t __attribute__((vector_size(16)));

// Rows that are nothing but floats: adding the lowest exponent bit to the exponent of each float carries into
// its sign place only when all exponent bits are set, which is what infinities and NaNs have.
struct PackedFloats {
    PackedFloats(std::uint64_t exponent_bits, std::uint64_t lowest, std::uint64_t sign_bits)
        : exponents{exponent_bits, exponent_bits}, lowest_bits{lowest, lowest}, signs(sign_bits) {}

    Lanes carries(const std::byte* at) const {
        Lanes bits;
        std::memcpy(&bits, at, sizeof(bits));
        return (bits & exponents) + lowest_bits;
    }

    const Lanes exponents;
    const Lanes lowest_bits;
    const std::uint64_t signs;
};

bool all_finite_packed(std::span<const std::byte> rows, const PackedFloats& floats) {
    constexpr std::size_t kStep = 4 * sizeof(Lanes);  // so many do not wait for each other
    Lanes first{};
    Lanes second{};
    Lanes third{};
    Lanes fourth{};
    std::size_t i = 0;
    for (; i + kStep <= rows.size(); i += kStep) {
        const std::byte* at = rows.data() + i;
        first |= floats.carries(at);
        second |= floats.carries(at + sizeof(Lanes));
        third |= floats.carries(at + 2 * sizeof(Lanes));
        fourth |= floats.carries(at + 3 * sizeof(Lanes));
    }
    for (; i < rows.size(); i += sizeof(Lanes)) {
        std::array<std::byte, sizeof(Lanes)> rest{};
        std::memcpy(rest.data(), rows.data() + i, std::min(sizeof(Lanes), rows.size() - i));
        first |= floats.carries(rest.data());
    }
    const Lanes carried = first | second | third | fourth;
    return ((carried[0] | carried[1]) & floats.signs) == 0;
}

bool is_finite_half(const std::byte* at) {
    constexpr std::uint32_t kHalfExponent = 0x7c00;
    std::uint16_t bits = 0;
    std::memcpy(&bits, at, sizeof(bits));
    return (bits & kHalfExponent) != kHalfExponent;
}

// `rows` begin `phase` bytes behind the begin of a stride.
bool all_scales_finite(std::span<const std::byte> rows, const ScalePlaces& places, std::size_t phase) {
    constexpr std::size_t kHalfBytes = 2;
    for (std::size_t k = 0; k < places.count; ++k) {
        const std::size_t at = kHalfBytes * k;
        for (std::size_t i = at >= phase ? at - phase : at + places.stride - phase;
             i + kHalfBytes <= rows.size(); i += places.stride) {
            if (!is_finite_half(rows.data() + i)) return false;
        }
    }
    return true;
}

// `begin`: of these bytes in the rows of one layer's keys or values.
bool all_finite(std::span<const std::byte> rows, std::int32_t type, std::uint64_t begin) {
    switch (type) {
        case GGML_TYPE_F32:
            return all_finite_packed(
                rows, PackedFloats(0x7f8000007f800000, 0x0080000000800000, 0x8000000080000000));
        case GGML_TYPE_F16:
            return all_finite_packed(
                rows, PackedFloats(0x7c007c007c007c00, 0x0400040004000400, 0x8000800080008000));
        case GGML_TYPE_BF16:
            return all_finite_packed(
                rows, PackedFloats(0x7f807f807f807f80, 0x0080008000800080, 0x8000800080008000));
        default:
            const ScalePlaces places = scales_of(type);
            return places.stride > 0 &&  // an unknown type is not trusted
                   all_scales_finite(rows, places, begin % places.stride);
    }
}

// The rows of one layer's keys or values, and where they stand in an image.
struct RowRun {
    std::size_t layer = 0;
    std::int32_t type = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

std::vector<RowRun> runs_of(const StateGeometry& geometry, Position row_count) {
    std::vector<RowRun> runs;
    std::uint64_t end = 0;
    const auto add = [&](std::size_t layer, std::int32_t type, std::uint64_t row_bytes) {
        if (row_bytes == 0) return;
        runs.push_back({layer, type, end, end + row_bytes * row_count});
        end = runs.back().end;
    };
    for (std::size_t layer = 0; layer < geometry.size(); ++layer) {
        add(layer, geometry[layer].key_type, geometry[layer].key_row_bytes);
        add(layer, geometry[layer].value_type, geometry[layer].value_row_bytes);
    }
    return runs;
}

}  // namespace

Status check_finite_state(std::span<const std::byte> state) {
    if (all_finite(state, GGML_TYPE_F32, 0)) return {};
    return fail(ErrorCode::kDamaged,
                "the KV state is damaged: a recurrent layer holds a number that is not finite");
}

Status check_finite(std::span<const std::byte> part, std::uint64_t begin, const StateGeometry& geometry,
                    Position row_count) {
    const std::uint64_t end = begin + part.size();
    for (const RowRun& run : runs_of(geometry, row_count)) {
        const std::uint64_t from = std::max(begin, run.begin);
        const std::uint64_t to = std::min(end, run.end);
        if (from >= to || all_finite(part.subspan(from - begin, to - from), run.type, from - run.begin))
            continue;
        return fail(
            ErrorCode::kDamaged,
            fmt::format("the KV state is damaged: layer {} holds a number that is not finite", run.layer));
    }
    return {};
}

bool can_be_looked_at_in_parts(const StateGeometry& geometry, Position row_count) {
    for (const RowRun& run : runs_of(geometry, row_count)) {
        if (run.begin % (run.type == GGML_TYPE_F32 ? 4 : 2) != 0) return false;
    }
    return true;
}

}  // namespace kvasir
