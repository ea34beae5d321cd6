// Rows that are brought part by part, by several threads: they arrive whole and where they belong, or nothing
// of a part that is bad does, and the first that is bad is told.
#include "engine/llama/row_parts.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include <ggml-backend.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include "base/workers.h"
#include "engine/llama/row_places.h"
#include "engine/test_tensors.h"

namespace kvasir::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Position kRows = 251;  // so that layers end within parts

// Together more than several threads are started for; keys and values differ in size.
StateGeometry halves() { return StateGeometry(5, StateLayer{GGML_TYPE_F16, 3000, GGML_TYPE_F16, 1400}); }
// Floats of four bytes begin at odd multiples of two.
StateGeometry not_for_parts() {
    return StateGeometry(5, StateLayer{GGML_TYPE_F16, 3002, GGML_TYPE_F32, 1400});
}

// Good numbers of either type.
Bytes rows_of(const StateGeometry& geometry) {
    Bytes rows(row_image_bytes(geometry, kRows));
    for (std::size_t i = 0; i + 2 <= rows.size(); i += 2) {
        const auto number = static_cast<std::uint16_t>(i * 2654435761U % 0x7b00);
        std::memcpy(rows.data() + i, &number, 2);
    }
    return rows;
}

// Rows as a store has them: copied into the buffer that it is given. Some parts cannot be had.
class TestedSource : public RowSource {
  public:
    explicit TestedSource(Bytes rows) : rows_(std::move(rows)) {}
    std::uint64_t bytes() const override { return rows_.size(); }
    Result<std::span<const std::byte>> part(std::uint64_t number, std::span<std::byte> buffer) override {
        if (bad.contains(number)) return fail(ErrorCode::kDamaged, "part " + std::to_string(number));
        if (buffer.size() < kRowPartBytes) return fail(ErrorCode::kInvalidArgument, "no room");
        const std::uint64_t begin = number * kRowPartBytes;
        const auto part = buffer.first(std::min(kRowPartBytes, rows_.size() - begin));
        std::copy_n(rows_.begin() + static_cast<std::ptrdiff_t>(begin), part.size(), part.begin());
        return part;
    }

    std::set<std::uint64_t> bad;

  private:
    Bytes rows_;
};

// A tensor that takes the bytes of a block's rows from its end to its begin, in runs of many lengths.
class RowPartsTest : public testing::Test {
  protected:
    void start(const StateGeometry& geometry, Where where = Where::kMemory) {
        tensors_ = TestTensors();
        geometry_ = geometry;
        rows_ = rows_of(geometry);
        tensor_ = tensors_.add(rows_.size());
        tensors_.allocate(where);
    }
    Status bring(RowSource& source) {
        const auto places = places_.of(source);
        const std::span<const std::byte> piece = places.first(source.bytes());
        StateFeed feed(std::span(&piece, 1));
        for (std::size_t at = 0, run = 3; at < rows_.size(); run = run * 5 % 600'011) {
            const std::size_t size = std::min(run, rows_.size() - at);
            feed.read_tensor(tensor_, rows_.size() - at - size, size);
            at += size;
        }
        return bring_rows(source, feed, places, transfer_, geometry_, kRows);
    }
    // What the tensor holds, in the order of the rows.
    Bytes held() const {
        Bytes bytes(rows_.size());
        for (std::size_t at = 0, run = 3; at < bytes.size(); run = run * 5 % 600'011) {
            const std::size_t size = std::min(run, bytes.size() - at);
            ggml_backend_tensor_get(tensor_, bytes.data() + at, bytes.size() - at - size, size);
            at += size;
        }
        return bytes;
    }
    static Bytes part_of(const Bytes& bytes, std::uint64_t number) {
        const auto from = std::span(bytes).subspan(number * kRowPartBytes);
        const auto part = from.first(std::min<std::size_t>(from.size(), kRowPartBytes));
        return {part.begin(), part.end()};
    }

    // The number of that layer that stands there is not finite.
    void expect_refused(std::size_t layer, std::uint64_t at) {
        tensors_.clear();
        Bytes rows = rows_;
        rows[at + 1] = std::byte{0x7c};
        rows[at] = std::byte{0};
        TestedSource source(rows);
        const Status brought = bring(source);
        ASSERT_FALSE(brought) << at;
        EXPECT_EQ(brought.error().code, ErrorCode::kDamaged);
        EXPECT_NE(brought.error().message.find("layer " + std::to_string(layer) + " holds"),
                  std::string::npos)
            << brought.error().message;
        const Bytes part = part_of(held(), at / kRowPartBytes);
        EXPECT_EQ(part, Bytes(part.size())) << at;
    }

    StateGeometry geometry_;
    Bytes rows_;
    RowPlaces places_;
    TransferMemory transfer_;
    TestTensors tensors_;
    ggml_tensor* tensor_ = nullptr;
};

TEST_F(RowPartsTest, EveryByteArrivesWhereItBelongs) {
    for (const auto& [geometry, where] : {std::pair(halves(), Where::kMemory),
                                          {halves(), Where::kDevice},
                                          {not_for_parts(), Where::kMemory},
                                          {not_for_parts(), Where::kDevice}}) {
        start(geometry, where);
        ASSERT_GE(rows_.size(), 2 * kWorkPartBytes);
        TestedSource source(rows_);
        const Status brought = bring(source);
        ASSERT_TRUE(brought) << brought.error().message;
        EXPECT_EQ(held(), rows_);
        tensors_.clear();
        RowsInMemory in_memory(rows_);
        ASSERT_TRUE(bring(in_memory));
        EXPECT_EQ(held(), rows_);
    }
}

TEST_F(RowPartsTest, ANumberThatIsNotFiniteIsToldAndItsPartNotWritten) {
    for (const Where where : {Where::kMemory, Where::kDevice}) {
        start(halves(), where);
        const std::uint64_t layer_bytes = rows_.size() / geometry_.size();
        for (std::size_t layer = 0; layer < geometry_.size(); ++layer) {
            for (const std::uint64_t at : {layer * layer_bytes, (layer + 1) * layer_bytes - 2})
                expect_refused(layer, at);
        }
    }
}

TEST_F(RowPartsTest, WhatCannotBeLookedAtInPartsIsLookedAtBeforeAnythingIsWritten) {
    start(not_for_parts());
    Bytes rows = rows_;
    rows[rows.size() - 2] = std::byte{0xc0};  // the last float's upper half
    rows[rows.size() - 1] = std::byte{0x7f};
    TestedSource source(rows);
    const Status brought = bring(source);
    ASSERT_FALSE(brought);
    EXPECT_NE(brought.error().message.find("layer 4 holds"), std::string::npos) << brought.error().message;
    EXPECT_EQ(held(), Bytes(rows.size()));
}

TEST_F(RowPartsTest, OfSeveralBadPartsTheFirstIsTold) {
    for (int round = 0; round < 50; ++round) {
        start(halves(), round % 2 == 0 ? Where::kMemory : Where::kDevice);
        TestedSource source(rows_);
        const std::uint64_t first = static_cast<std::uint64_t>(round) % source.parts();
        for (std::uint64_t number = first; number < source.parts(); ++number) source.bad.insert(number);
        const Status brought = bring(source);
        ASSERT_FALSE(brought);
        EXPECT_EQ(brought.error().code, ErrorCode::kDamaged);
        ASSERT_EQ(brought.error().message, "part " + std::to_string(first));
    }
}

}  // namespace
}  // namespace kvasir::test
