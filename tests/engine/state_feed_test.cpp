// What llama.cpp's reader interface is fed with: every byte goes where llama.cpp said, however many threads
// move it; nothing moves before the image was taken to its end; and what stands in no piece is an error.
#include "engine/llama/state_feed.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include "base/workers.h"
#include "engine/llama/state_pieces.h"

namespace kvasir::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kTensorBytes = 3 * kWorkPartBytes;

Bytes numbered(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 131 >> 7U ^ i);
    return bytes;
}

// One tensor of bytes in memory, and a view of it, as llama.cpp has for each stream.
class StateFeeding : public testing::Test {
  protected:
    void SetUp() override {
        ggml_init_params params{4 * ggml_tensor_overhead(), nullptr, true};
        context_.reset(ggml_init(params));
        tensor_ = ggml_new_tensor_1d(context_.get(), GGML_TYPE_I8, kTensorBytes);
        view_ = ggml_view_1d(context_.get(), tensor_, kTensorBytes, 0);
        buffer_.reset(
            ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), ggml_backend_cpu_buffer_type()));
        ASSERT_TRUE(buffer_);
        ggml_backend_buffer_clear(buffer_.get(), 0);
    }
    Bytes held() const {
        Bytes bytes(kTensorBytes);
        ggml_backend_tensor_get(tensor_, bytes.data(), 0, bytes.size());
        return bytes;
    }

    std::unique_ptr<ggml_context, decltype(&ggml_free)> context_{nullptr, &ggml_free};
    std::unique_ptr<ggml_backend_buffer, decltype(&ggml_backend_buffer_free)> buffer_{
        nullptr, &ggml_backend_buffer_free};
    ggml_tensor* tensor_ = nullptr;
    ggml_tensor* view_ = nullptr;
};

// Runs of cells of all lengths, single rows among them, to places in another order.
TEST_F(StateFeeding, EveryByteGoesWhereItBelongs) {
    const Bytes rows = numbered(kTensorBytes);
    StatePieces image;
    image.number(std::uint32_t{7});
    image.refer(std::span(rows).first(kTensorBytes / 3));
    image.number(std::uint64_t{8});
    image.refer(std::span(rows).subspan(kTensorBytes / 3));
    image.finish();
    StateFeed feed(image.pieces());
    Bytes expected(kTensorBytes);
    std::uint64_t number = 0;
    feed.read(&number, sizeof(std::uint32_t));
    EXPECT_EQ(number, 7U);
    for (std::size_t at = 0, run = 1; at < kTensorBytes; run = run * 5 % 700'001) {
        if (at == kTensorBytes / 3) feed.read(&number, sizeof(number));
        const std::size_t piece_end = at < kTensorBytes / 3 ? kTensorBytes / 3 : kTensorBytes;
        const std::size_t size = std::min(run, piece_end - at);
        const std::size_t to = kTensorBytes - at - size;
        feed.read_tensor(at % 2 == 0 ? view_ : tensor_, to, size);
        std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(at), size,
                    expected.begin() + static_cast<std::ptrdiff_t>(to));
        at += size;
    }
    EXPECT_EQ(number, 8U);
    EXPECT_TRUE(feed.at_end());
    EXPECT_EQ(feed.n_bytes(), kTensorBytes + 12);
    feed.apply();
    EXPECT_EQ(held(), expected);
}

// llama.cpp's own reader writes what it has when it is destroyed, refused image or not.
TEST_F(StateFeeding, NothingIsWrittenBeforeItIsApplied) {
    const Bytes rows = numbered(kTensorBytes);
    const std::span<const std::byte> piece(rows);
    {
        StateFeed feed(std::span(&piece, 1));
        feed.read_tensor(view_, 0, kTensorBytes / 2);
        EXPECT_FALSE(feed.at_end());
        EXPECT_THROW(feed.read_tensor(view_, 0, kTensorBytes), std::runtime_error);
    }
    EXPECT_EQ(held(), Bytes(kTensorBytes));
}

TEST_F(StateFeeding, AnEmptyImageFeedsNothing) {
    StateFeed feed(StatePieces().pieces());
    std::uint8_t number = 3;
    EXPECT_THROW(feed.read(&number, 1), std::runtime_error);
    EXPECT_EQ(number, 3U);
    EXPECT_TRUE(feed.at_end());
    feed.apply();
    EXPECT_EQ(held(), Bytes(kTensorBytes));
}

TEST(StatePieces, StayWhatTheyWereWhereverTheyAreMoved) {
    const Bytes rows = numbered(1000);
    StatePieces first;
    for (std::uint32_t i = 0; i < 100; ++i) {
        first.number(i);
        first.number(static_cast<std::uint64_t>(i) << 40U);
        first.refer(std::span(rows).subspan(i * 10, i % 11));  // now and then nothing
    }
    first.finish();
    const Bytes joined = first.joined();
    EXPECT_EQ(joined.size(), first.size());
    const StatePieces second = std::move(first);
    EXPECT_EQ(second.joined(), joined);
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < 100; ++i) {
        std::uint32_t number = 0;
        std::memcpy(&number, joined.data() + at, sizeof(number));
        ASSERT_EQ(number, i);
        at += 12;
        ASSERT_TRUE(std::equal(rows.begin() + i * 10, rows.begin() + i * 10 + i % 11,
                               joined.begin() + static_cast<std::ptrdiff_t>(at)));
        at += i % 11;
    }
    EXPECT_EQ(at, joined.size());
}

TEST(StatePieces, WhatReachesFromOnePieceIntoTheNextIsRefused) {
    const Bytes bytes = numbered(12);
    const std::vector<std::span<const std::byte>> pieces = {
        std::span(bytes).first(3), {}, std::span(bytes).subspan(3)};
    StateReader reader(pieces);
    EXPECT_EQ(reader.left(), 12U);
    EXPECT_FALSE(reader.number<std::uint32_t>());
    ASSERT_TRUE(reader.bytes(3));
    const auto number = reader.number<std::uint64_t>();
    ASSERT_TRUE(number);
    EXPECT_EQ(std::memcmp(&*number, bytes.data() + 3, 8), 0);
    EXPECT_FALSE(reader.at_end());
    EXPECT_FALSE(reader.bytes(2));
    EXPECT_TRUE(reader.bytes(1));
    EXPECT_TRUE(reader.at_end());
}

}  // namespace
}  // namespace kvasir::test
