// Why every image is walked before llama.cpp sees it: the same images, handed straight to
// llama_state_seq_set_data, are accepted or poison another agent. These are controls: when llama.cpp learns
// to refuse one, its test fails and tells. Also KvTransfer alone on a small pool, where a refusal in the
// middle can be made to happen.
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>
#include <llama.h>

#include "engine/live_engine.h"
#include "engine/llama/geometry.h"
#include "engine/llama/handles.h"
#include "engine/llama/kv_transfer.h"

namespace kvasir::test {
namespace {

constexpr llama_seq_id kResident = 0;
constexpr llama_seq_id kVictim = 1;
constexpr llama_seq_id kScratch = 2;
constexpr Position kCells = 256;
constexpr TokenRange kRange{0, 64};

class HostileState : public testing::Test {
  protected:
    void SetUp() override {
        start_llama();
        model_.reset(llama_model_load_from_file(kPlainModel.c_str(), llama_model_default_params()));
        ASSERT_TRUE(model_);
        llama_context_params params = llama_context_default_params();
        params.n_ctx = kCells;
        params.n_batch = kCells;
        params.n_ubatch = kCells;
        params.n_seq_max = 3;
        params.kv_unified = true;
        params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
        params.n_threads = 1;
        params.n_threads_batch = 1;
        context_.reset(llama_init_from_model(model_.get(), params));
        ASSERT_TRUE(context_);
        geometry_ = *describe_geometry(*model_, memory_parts(llama_get_memory(context_.get())), GGML_TYPE_F16,
                                       GGML_TYPE_F16);
        transfer_ = std::make_unique<KvTransfer>(*context_, geometry_, kScratch, kCells);
        decode(kResident, 0, 40);
        rows_.resize(row_image_bytes(geometry_.append, kRange.size()));
        image_ = compose_state({&geometry_.append, nullptr}, FilledPart::kAppend, kRange, rows_).joined();
    }

    // Logits behind `count` tokens.
    Logits decode(llama_seq_id sequence, llama_pos begin, std::int32_t count) {
        llama_batch batch = llama_batch_init(count, 0, 1);
        for (std::int32_t i = 0; i < count; ++i) {
            batch.token[i] = 10 + (begin + i) % 50;
            batch.pos[i] = begin + i;
            batch.n_seq_id[i] = 1;
            batch.seq_id[i][0] = sequence;
            batch.logits[i] = i + 1 == count ? 1 : 0;
        }
        batch.n_tokens = count;
        EXPECT_EQ(llama_decode(context_.get(), batch), 0);
        llama_batch_free(batch);
        const float* logits = llama_get_logits_ith(context_.get(), -1);
        return {logits, logits + llama_vocab_n_tokens(llama_model_get_vocab(model_.get()))};
    }
    // The resident's next tokens, many at once, then taken back.
    Logits resident_speaks() {
        const Logits logits = decode(kResident, 40, 100);
        llama_memory_seq_rm(memory(), kResident, 40, -1);
        return logits;
    }
    llama_memory_t memory() { return llama_get_memory(context_.get()); }
    std::size_t set_directly(const std::vector<std::byte>& image) {
        return llama_state_seq_set_data(context_.get(), reinterpret_cast<const std::uint8_t*>(image.data()),
                                        image.size(), kVictim);
    }
    Status import(llama_seq_id sequence, const std::vector<std::byte>& rows) {
        RowsInMemory source(rows);
        return transfer_->import_rows(sequence, Plane::kAppend, kRange, source);
    }
    void expect_ours_refuses(const std::vector<std::byte>& image) {
        EXPECT_FALSE(parse_state(image, {&geometry_.append, nullptr}, kCells));
    }

    LlamaModelPtr model_;
    LlamaContextPtr context_;
    ModelGeometry geometry_;
    std::unique_ptr<KvTransfer> transfer_;
    std::vector<std::byte> rows_;
    std::vector<std::byte> image_;  // a good one
};

TEST_F(HostileState, LlamaTakesTheImageThatWeCompose) { EXPECT_EQ(set_directly(image_), image_.size()); }

TEST_F(HostileState, ControlLlamaAcceptsTrailingBytes) {
    image_.push_back(std::byte{1});
    EXPECT_EQ(set_directly(image_), image_.size() - 1);
    expect_ours_refuses(image_);
}

TEST_F(HostileState, ControlLlamaAcceptsAPositionThatStandsTwice) {
    const std::int32_t position = 5;
    std::memcpy(image_.data() + 16, &position, sizeof(position));
    EXPECT_EQ(set_directly(image_), image_.size());
    expect_ours_refuses(image_);
}

TEST_F(HostileState, ControlLlamaAcceptsNegativePositionsWhichNobodyCanRemove) {
    const std::int32_t position = -1;
    for (Position i = 0; i < kRange.size(); ++i)
        std::memcpy(image_.data() + 16 + 12 * i, &position, sizeof(position));
    EXPECT_EQ(set_directly(image_), image_.size());
    expect_ours_refuses(image_);
}

TEST_F(HostileState, ControlNaNsPoisonAnotherAgent) {
    const Logits before = resident_speaks();
    EXPECT_TRUE(std::isfinite(before.front()));
    EXPECT_EQ(resident_speaks(), before);
    const std::vector<std::byte> good = image_;
    for (std::size_t i = image_.size() - 1000; i < image_.size(); ++i) image_[i] = std::byte{0x7f};
    EXPECT_EQ(set_directly(image_), image_.size());
    EXPECT_FALSE(std::isfinite(resident_speaks().front()));
    // Ours says no to the same rows.
    std::memset(rows_.data() + rows_.size() - 1000, 0x7f, 1000);
    EXPECT_FALSE(import(kVictim, rows_));
}

// llama.cpp itself refuses for lack of cells: nothing stays behind, and the same rows fit as soon as there is
// room.
TEST_F(HostileState, ARefusalByLlamaLeavesEverybodyClean) {
    const Logits before = resident_speaks();
    decode(kVictim, 0, kCells - 40 - 60);  // 60 cells are left
    ASSERT_TRUE(llama_memory_seq_rm(memory(), kScratch, -1, -1));
    const Status imported = import(kScratch, rows_);
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, ErrorCode::kOutOfMemory);
    llama_memory_seq_rm(memory(), kVictim, -1, -1);
    EXPECT_EQ(resident_speaks(), before);
    EXPECT_TRUE(import(kVictim, rows_));
    EXPECT_EQ(llama_memory_seq_pos_max(memory(), kVictim), static_cast<llama_pos>(kRange.end) - 1);
    EXPECT_EQ(llama_memory_seq_pos_max(memory(), kScratch), -1);
}

// Free cells lie one by one between the resident's, so that every row is moved alone.
TEST_F(HostileState, RowsComeBackFromScatteredCellsAsTheyWere) {
    constexpr llama_pos kPairs = 100;
    for (llama_pos i = 0; i < kPairs; ++i) {
        decode(kResident, 40 + i, 1);
        decode(kVictim, i, 1);
    }
    llama_memory_seq_rm(memory(), kVictim, -1, -1);
    for (std::size_t i = 0; i + 2 <= rows_.size(); i += 2) {
        const auto half = static_cast<std::uint16_t>(i * 7 % 0x7c00);
        std::memcpy(rows_.data() + i, &half, sizeof(half));
    }
    ASSERT_TRUE(import(kVictim, rows_));
    std::vector<std::byte> exported;
    ASSERT_TRUE(transfer_->export_rows(kVictim, Plane::kAppend, kRange, exported));
    EXPECT_EQ(exported, rows_);
}

TEST_F(HostileState, ExportLeavesTheScratchSequenceEmptyAndTheBytesAsTheyAre) {
    decode(kVictim, 0, static_cast<std::int32_t>(kRange.size()));
    std::vector<std::byte> first;
    std::vector<std::byte> second;
    ASSERT_TRUE(transfer_->export_rows(kVictim, Plane::kAppend, kRange, first));
    EXPECT_EQ(llama_memory_seq_pos_max(memory(), kScratch), -1);
    llama_memory_seq_rm(memory(), kVictim, -1, -1);
    ASSERT_TRUE(import(kVictim, first));
    ASSERT_TRUE(transfer_->export_rows(kVictim, Plane::kAppend, kRange, second));
    EXPECT_EQ(first, second);
    EXPECT_FALSE(transfer_->export_rows(kVictim, Plane::kAppend, {0, kRange.end + 1}, second))
        << "a row that nobody has";
}

}  // namespace
}  // namespace kvasir::test
