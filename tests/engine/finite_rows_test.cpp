// No NaN and no infinity gets past the check, at any place of any KV type; and no good number is refused.
#include <array>
#include <cstring>

#include <ggml.h>
#include <gtest/gtest.h>

#include "engine/llama/state_image.h"

namespace kvasir::test {
namespace {

constexpr std::uint64_t kNumbers = 96;  // of a row
constexpr Position kRows = 3;

struct Type {
    ggml_type type;
    std::size_t stride;               // bytes between floats
    std::vector<std::size_t> floats;  // where floats stand in a stride
};

void PrintTo(const Type& type, std::ostream* out) { *out << ggml_type_name(type.type); }

class FiniteRows : public testing::TestWithParam<Type> {
  protected:
    std::uint64_t row_bytes() const { return ggml_row_size(GetParam().type, kNumbers); }
    StateGeometry geometry() const {
        const auto type = static_cast<std::int32_t>(GetParam().type);
        return {{type, row_bytes(), type, row_bytes()}};
    }
    // The largest finite numbers everywhere, all bits set where no float stands.
    std::vector<std::byte> good_rows() const {
        std::vector<std::byte> rows(2 * row_bytes() * kRows, std::byte{0xff});
        for (std::size_t at = 0; at < rows.size(); at += GetParam().stride) {
            for (const std::size_t place : GetParam().floats) put(rows, at + place, largest());
        }
        return rows;
    }
    std::vector<std::uint32_t> not_finite() const {
        switch (GetParam().type) {
            case GGML_TYPE_F32:
                return {0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff, 0x7f800001};
            case GGML_TYPE_BF16:
                return {0x7f80, 0xff80, 0x7fc0, 0xffff, 0x7f81};
            default:
                return {0x7c00, 0xfc00, 0x7e00, 0xffff, 0x7c01};
        }
    }
    std::uint32_t largest() const { return not_finite().front() - 1; }
    void put(std::vector<std::byte>& rows, std::size_t at, std::uint32_t bits) const {
        std::memcpy(rows.data() + at, &bits, GetParam().type == GGML_TYPE_F32 ? 4 : 2);
    }
};

TEST_P(FiniteRows, LargeNumbersAndAllKindsOfPayloadAreGood) {
    EXPECT_TRUE(check_finite(good_rows(), 0, geometry(), kRows));
    std::vector<std::byte> zeros(2 * row_bytes() * kRows);
    EXPECT_TRUE(check_finite(zeros, 0, geometry(), kRows));
}

TEST_P(FiniteRows, OneBadNumberAnywhereIsRefused) {
    for (std::size_t at = 0; at < good_rows().size(); at += GetParam().stride) {
        for (const std::size_t place : GetParam().floats) {
            for (const std::uint32_t bits : not_finite()) {
                std::vector<std::byte> rows = good_rows();
                put(rows, at + place, bits);
                const Status checked = check_finite(rows, 0, geometry(), kRows);
                ASSERT_FALSE(checked) << "at " << at + place << " bits " << bits;
                ASSERT_EQ(checked.error().code, ErrorCode::kDamaged);
            }
        }
    }
}

// Wherever an image is cut, the part that has the bad number is refused and the other is not.
TEST_P(FiniteRows, OneBadNumberIsFoundInItsPart) {
    ASSERT_TRUE(can_be_looked_at_in_parts(geometry(), kRows));
    const std::vector<std::byte> good = good_rows();
    const std::uint32_t bits = not_finite().front();
    for (std::size_t cut = 4; cut < good.size(); cut += 4) {
        const std::size_t begin = cut > 64 ? cut - 64 : 0;  // numbers far from the cut are as those beside it
        for (std::size_t at = begin / GetParam().stride * GetParam().stride;
             at < good.size() && at < cut + 64; at += GetParam().stride) {
            for (const std::size_t place : GetParam().floats) {
                std::vector<std::byte> rows = good;
                put(rows, at + place, bits);
                const std::span<const std::byte> all(rows);
                ASSERT_EQ(check_finite(all.first(cut), 0, geometry(), kRows).has_value(), at + place >= cut)
                    << "at " << at + place << ", cut at " << cut;
                ASSERT_EQ(check_finite(all.subspan(cut), cut, geometry(), kRows).has_value(),
                          at + place < cut)
                    << "at " << at + place << ", cut at " << cut;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, FiniteRows,
                         testing::Values(Type{GGML_TYPE_F32, 4, {0}}, Type{GGML_TYPE_F16, 2, {0}},
                                         Type{GGML_TYPE_BF16, 2, {0}}, Type{GGML_TYPE_Q8_0, 34, {0}},
                                         Type{GGML_TYPE_Q4_0, 18, {0}}, Type{GGML_TYPE_IQ4_NL, 18, {0}},
                                         Type{GGML_TYPE_Q4_1, 20, {0, 2}}, Type{GGML_TYPE_Q5_0, 22, {0}},
                                         Type{GGML_TYPE_Q5_1, 24, {0, 2}}),
                         [](const auto& param) { return std::string(ggml_type_name(param.param.type)); });

TEST(FiniteRows, AnOddNumberOfHalvesIsCheckedToItsEnd) {
    const StateGeometry geometry = {{GGML_TYPE_F16, 10, GGML_TYPE_F16, 6}};
    std::vector<std::byte> rows(16);
    EXPECT_TRUE(check_finite(rows, 0, geometry, 1));
    for (std::size_t at = 0; at < rows.size(); at += 2) {
        std::vector<std::byte> bad = rows;
        bad[at + 1] = std::byte{0x7c};
        EXPECT_FALSE(check_finite(bad, 0, geometry, 1)) << at;
    }
}

TEST(FiniteRows, NumbersThatPartsWouldCutAreNotLookedAtInParts) {
    EXPECT_TRUE(can_be_looked_at_in_parts({{GGML_TYPE_F16, 6, GGML_TYPE_F32, 8}}, 2));
    EXPECT_FALSE(can_be_looked_at_in_parts({{GGML_TYPE_F16, 6, GGML_TYPE_F32, 8}}, 1));
    EXPECT_FALSE(can_be_looked_at_in_parts({{GGML_TYPE_Q8_0, 33, GGML_TYPE_F16, 8}}, 1));
}

TEST(FiniteRows, AnUnknownTypeIsNotTrusted) {
    const StateGeometry geometry = {{GGML_TYPE_Q6_K, 16, GGML_TYPE_F16, 2}};
    EXPECT_FALSE(check_finite(std::vector<std::byte>(18), 0, geometry, 1));
}

}  // namespace
}  // namespace kvasir::test
