// Rows cut out of a source part by part are the rows that a cut through the whole image gives.
#include "memory/sliced_rows.h"

#include <random>

#include <gtest/gtest.h>

#include "memory/world.h"

namespace kvasir::test {
namespace {

KvLayer layer(std::uint64_t key_row_bytes, std::uint64_t value_row_bytes) {
    KvLayer layer;
    layer.key_row_bytes = key_row_bytes;
    layer.value_row_bytes = value_row_bytes;
    return layer;
}

std::vector<std::byte> random_bytes(std::uint64_t count) {
    std::mt19937_64 random(11);
    std::vector<std::byte> bytes(count);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    return bytes;
}

std::vector<std::byte> cut(const KvLayout& layout, TokenRange held, TokenRange part,
                           std::span<const std::byte> image) {
    std::vector<std::byte> out;
    std::uint64_t offset = 0;
    for (const KvLayer& one : layout.append) {
        for (const std::uint64_t row_bytes : {one.key_row_bytes, one.value_row_bytes}) {
            const auto rows =
                image.subspan(offset + row_bytes * (part.begin - held.begin), row_bytes * part.size());
            out.insert(out.end(), rows.begin(), rows.end());
            offset += row_bytes * held.size();
        }
    }
    return out;
}

// Counts, and breaks down at one part.
class CountingRows : public RowsInMemory {
  public:
    using RowsInMemory::RowsInMemory;

    Result<std::span<const std::byte>> part(std::uint64_t number, std::span<std::byte> buffer) override {
        ++parts_read;
        if (number == broken) return fail(ErrorCode::kDamaged, "part " + std::to_string(number));
        return RowsInMemory::part(number, buffer);
    }

    std::uint64_t parts_read = 0;
    std::uint64_t broken = ~std::uint64_t{0};
};

// Rows that fill no part evenly, some wider than others, and a layer without values.
KvLayout uneven_layout() {
    KvLayout layout;
    layout.append = {layer(4096, 1000), layer(34, 0), layer(2048, 2048)};
    return layout;
}

TEST(SlicedRows, AreWhatACutThroughTheImageGives) {
    const KvLayout layout = uneven_layout();
    const TokenRange held{100, 356};
    const auto image = random_bytes(layout.row_bytes(Plane::kAppend) * held.size());
    ASSERT_GT(image.size(), 4 * kRowPartBytes);
    for (const TokenRange part : {TokenRange{100, 356}, {101, 356}, {100, 355}, {200, 201}, {130, 340}}) {
        CountingRows whole(image);
        SlicedRows sliced(whole, layout, Plane::kAppend, held, part);
        const auto rows = all_rows(sliced);
        ASSERT_TRUE(rows);
        EXPECT_EQ(*rows, cut(layout, held, part, image)) << part.begin << " to " << part.end;
        EXPECT_LE(whole.parts_read, 2 * whole.parts() + sliced.parts()) << "each is read once or twice";
    }
}

TEST(SlicedRows, AreWhatTheEngineExports) {
    for (const FakeEngineOptions& options : {plain_engine(), windowed_engine()}) {
        FakeEngine engine(options);
        const SequenceId sequence = *engine.open_sequence();
        std::vector<BatchRow> rows;
        for (Position i = 0; i < 30; ++i) rows.push_back({sequence, static_cast<Token>(i), i, false});
        ASSERT_TRUE(engine.decode(rows));
        std::vector<std::byte> whole, part;
        ASSERT_TRUE(engine.export_rows(sequence, Plane::kAppend, {3, 29}, whole));
        ASSERT_TRUE(engine.export_rows(sequence, Plane::kAppend, {7, 20}, part));
        RowsInMemory source(whole);
        SlicedRows sliced(source, engine.kv_layout(), Plane::kAppend, {3, 29}, {7, 20});
        const auto slice = all_rows(sliced);
        ASSERT_TRUE(slice);
        EXPECT_EQ(*slice, part);
    }
}

TEST(SlicedRows, HandErrorsOfTheirSourceOn) {
    const KvLayout layout = uneven_layout();
    const TokenRange held{0, 256};
    const auto image = random_bytes(layout.row_bytes(Plane::kAppend) * held.size());
    CountingRows whole(image);
    whole.broken = 1;
    SlicedRows sliced(whole, layout, Plane::kAppend, held, {10, 256});
    const auto rows = all_rows(sliced);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().message, "part 1");
    SlicedRows others(whole, layout, Plane::kAppend, held, {0, 10});  // the first rows of each tensor
    std::vector<std::byte> buffer(kRowPartBytes);
    EXPECT_FALSE(others.part(1, buffer)) << "there is but one";
    EXPECT_FALSE(others.part(0, std::span(buffer).first(100))) << "no room";
}

}  // namespace
}  // namespace kvasir::test
