// The parser that stands between any bytes and llama.cpp: what is right goes through unchanged, what is wrong
// in any way is refused. Pure bytes, no model.
#include "engine/llama/state_image.h"

#include <cstring>
#include <functional>

#include <ggml.h>
#include <gtest/gtest.h>

#include "support/rows_of_part.h"

namespace kvasir::test {
namespace {

constexpr Position kCellsMax = 64;
constexpr std::size_t kCountAt = 12;      // magic, sequence, streams
constexpr std::size_t kFirstCellAt = 16;  // position, 1, sequence
constexpr TokenRange kRange{10, 15};

const StateGeometry& append_geometry() {
    static const StateGeometry kGeometry = {{GGML_TYPE_F16, 8, GGML_TYPE_F16, 4},
                                            {GGML_TYPE_F16, 16, GGML_TYPE_F16, 16}};
    return kGeometry;
}
const StateGeometry& window_geometry() {
    static const StateGeometry kGeometry = {{GGML_TYPE_F16, 4, GGML_TYPE_F16, 4}};
    return kGeometry;
}
StateGeometries both() { return {&append_geometry(), &window_geometry()}; }
StateGeometries append_only() { return {&append_geometry(), nullptr}; }

std::vector<std::byte> some_rows(const StateGeometry& geometry, Position rows) {
    std::vector<std::byte> bytes(row_image_bytes(geometry, rows));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 113);
    return bytes;
}

std::vector<std::byte> good_image() {
    const auto rows = some_rows(append_geometry(), kRange.size());
    return compose_state(both(), FilledPart::kAppend, kRange, rows).joined();
}

template <class T>
void put_at(std::vector<std::byte>& image, std::size_t at, T value) {
    ASSERT_LE(at + sizeof(value), image.size());
    std::memcpy(image.data() + at, &value, sizeof(value));
}

void expect_refused(const std::vector<std::byte>& image, const StateGeometries& geometries = both()) {
    const auto parsed = parse_state(image, geometries, kCellsMax);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::kDamaged);
}

// Where things stand behind the cells of the append part.
std::size_t behind_cells() { return kFirstCellAt + 12 * kRange.size(); }

TEST(StateImage, WhatIsComposedParsesToTheSameRows) {
    for (const FilledPart filled : {FilledPart::kAppend, FilledPart::kWindow}) {
        const StateGeometry& geometry = filled == FilledPart::kAppend ? append_geometry() : window_geometry();
        const auto rows = some_rows(geometry, kRange.size());
        const StatePieces image = compose_state(both(), filled, kRange, rows);
        EXPECT_TRUE(parse_state(image.joined(), both(), kCellsMax));
        const auto parsed = parse_state(image, both(), kCellsMax);
        ASSERT_TRUE(parsed) << parsed.error().message;
        std::vector<std::byte> got;
        const StatePart& part = filled == FilledPart::kAppend ? parsed->append : parsed->window;
        ASSERT_TRUE(rows_of_part(part, geometry, kRange, got));
        EXPECT_EQ(got, rows);
        EXPECT_TRUE((filled == FilledPart::kAppend ? parsed->window : parsed->append).positions.empty());
        EXPECT_LE(image.size(), state_bytes_max(both(), kRange.size()));
    }
}

// llama.cpp writes cells in their physical order; rows come out in the order of positions all the same.
TEST(StateImage, CellOrderIsNotPositionOrder) {
    const auto rows = some_rows(append_geometry(), kRange.size());
    const std::vector<std::byte> image =
        compose_state(append_only(), FilledPart::kAppend, kRange, rows).joined();
    std::vector<std::byte> swapped = image;
    const auto swap = [&](std::size_t at, std::size_t stride) {  // the first two of something
        std::memcpy(swapped.data() + at, image.data() + at + stride, stride);
        std::memcpy(swapped.data() + at + stride, image.data() + at, stride);
    };
    swap(kFirstCellAt, 12);
    std::size_t at = behind_cells() + 8;
    for (const std::size_t row_bytes :
         std::initializer_list<std::size_t>{8, 16, 4, 16}) {  // keys of both layers, then values
        at += 12;
        swap(at, row_bytes);
        at += row_bytes * kRange.size();
    }
    ASSERT_EQ(at, image.size());
    ASSERT_NE(swapped, image);
    const auto parsed = parse_state(swapped, append_only(), kCellsMax);
    ASSERT_TRUE(parsed);
    std::vector<std::byte> got;
    ASSERT_TRUE(rows_of_part(parsed->append, append_geometry(), kRange, got));
    EXPECT_EQ(got, rows);
}

TEST(StateImage, TruncatedAtEveryLengthIsRefused) {
    const std::vector<std::byte> image = good_image();
    ASSERT_TRUE(parse_state(image, both(), kCellsMax));
    for (std::size_t length = 0; length < image.size(); ++length) {
        expect_refused(
            std::vector<std::byte>(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(length)));
    }
}

TEST(StateImage, TrailingBytesAreRefused) {
    std::vector<std::byte> image = good_image();
    image.push_back(std::byte{0});
    expect_refused(image);
}

TEST(StateImage, AHugeCellCountIsRefusedBeforeAnythingIsAllocated) {
    for (const std::uint32_t count : {kRange.size() + 1, kCellsMax + 1, 1U << 26, 0xffffffffU}) {
        std::vector<std::byte> image = good_image();
        put_at(image, kCountAt, count);
        expect_refused(image);
    }
}

TEST(StateImage, PositionsOutOfRangeAreRefused) {
    for (const std::int32_t position : {-1, -2147483647, static_cast<std::int32_t>(kCellsMax), 2147483647}) {
        std::vector<std::byte> image = good_image();
        put_at(image, kFirstCellAt, position);
        expect_refused(image);
    }
}

TEST(StateImage, APositionThatStandsTwiceIsRefused) {
    std::vector<std::byte> image = good_image();
    put_at(image, kFirstCellAt, static_cast<std::int32_t>(kRange.begin + 1));
    expect_refused(image);
}

TEST(StateImage, PositionsOfAnotherRangeAreRefused) {
    std::vector<std::byte> image = good_image();
    put_at(image, kFirstCellAt, std::int32_t{40});  // parses: in range, unique
    const auto parsed = parse_state(image, both(), kCellsMax);
    ASSERT_TRUE(parsed);
    std::vector<std::byte> rows;
    EXPECT_FALSE(rows_of_part(parsed->append, append_geometry(), kRange, rows));
    EXPECT_FALSE(rows_of_part(parsed->append, append_geometry(), {kRange.begin, kRange.end + 1}, rows));
}

TEST(StateImage, HeadersThatAreNotThisModelsAreRefused) {
    struct Change {
        const char* what;
        std::size_t at;
        std::uint32_t value;
    };
    const std::size_t layers_at = behind_cells() + 4;
    const std::vector<Change> changes = {{"magic", 0, 0xaf143cd9},
                                         {"streams", 8, 2},
                                         {"no streams", 8, 0},
                                         {"sequences of a cell", kFirstCellAt + 4, 2},
                                         {"no sequence of a cell", kFirstCellAt + 4, 0},
                                         {"transposed", behind_cells(), 1},
                                         {"layers", layers_at, 3},
                                         {"no layers", layers_at, 0},
                                         {"type", layers_at + 4, GGML_TYPE_Q8_0},
                                         {"row bytes", layers_at + 8, 4},
                                         {"row bytes, high half", layers_at + 12, 1}};
    for (const Change& change : changes) {
        SCOPED_TRACE(change.what);
        std::vector<std::byte> image = good_image();
        put_at(image, change.at, change.value);
        expect_refused(image);
    }
}

TEST(StateImage, AnUnknownSequenceIdIsOnlyALabel) {
    std::vector<std::byte> image = good_image();
    put_at(image, 4, std::int32_t{-5});
    EXPECT_TRUE(parse_state(image, both(), kCellsMax));
}

TEST(StateImage, AnImageOfAnotherModelFamilyIsRefused) {
    expect_refused(good_image(), append_only());
    const auto rows = some_rows(append_geometry(), kRange.size());
    expect_refused(compose_state(append_only(), FilledPart::kAppend, kRange, rows).joined(), both());
}

}  // namespace
}  // namespace kvasir::test
