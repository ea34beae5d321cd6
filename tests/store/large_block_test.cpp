// Blocks that are read, and whose checksums are made, in parts by several threads: as good as in one.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "base/workers.h"
#include "store/block_fixture.h"
#include "store/catalog_fixture.h"

namespace kvasir::test {
namespace {

// Two and a half parts of the image in each of its two tensors, so that parts, tensors and frames end at
// different bytes.
Block block_of_parts() {
    constexpr Position kRows = 256;
    constexpr std::uint64_t kRowBytes = kWorkPartBytes * 5 / 2 / kRows - 3;
    Block block = small_block(0xa1, kRows);
    block.spec.tensors = {u8_tensor("layer_0.key", kRows, kRowBytes),
                          u8_tensor("layer_0.value", kRows, kRowBytes)};
    block.image = rows_of(7, block.spec.image_bytes());
    return block;
}

class LargeBlockTest : public ::testing::Test {
  protected:
    void SetUp() override {
        must(blocks_.create_layout());
        stored_ = must_have(blocks_.write(block_.spec, block_.image));
        path_ = blocks_.path_of(block_.spec.kind, block_.spec.name);
    }

    Status read() { return blocks_.read(stored_, block_.spec, image_); }

    // Part by part, in whatever order.
    Status read_parts() {
        KVASIR_TRY_ASSIGN(const BlockReader reader, blocks_.open(stored_, block_.spec));
        image_.assign(reader.image_bytes(), std::byte{0});
        std::vector<std::byte> buffer(kRowPartBytes);
        for (std::uint64_t left = (image_.size() + kRowPartBytes - 1) / kRowPartBytes; left > 0; --left) {
            KVASIR_TRY_ASSIGN(const auto part, reader.part(left - 1, buffer));
            std::copy(part.begin(), part.end(),
                      image_.begin() + static_cast<std::ptrdiff_t>((left - 1) * kRowPartBytes));
        }
        return {};
    }

    void flip(std::uint64_t at) {
        std::vector<std::byte> byte(1);
        must(posix_->read_at(path_, at, byte));
        std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(at));
        file.put(static_cast<char>(byte[0] ^ std::byte{1}));
        ASSERT_TRUE(file.good());
    }

    const Block block_ = block_of_parts();
    const TemporaryDirectory directory_;
    std::unique_ptr<FileSystem> posix_ = make_posix_file_system();
    BlockFiles blocks_{*posix_, directory_.path()};
    StoredBlock stored_;
    std::string path_;
    std::vector<std::byte> image_;
};

TEST_F(LargeBlockTest, IsReadBack) {
    ASSERT_GE(block_.image.size(), 4 * kWorkPartBytes);
    must(read());
    EXPECT_EQ(image_, block_.image);
}

// The frames were made in parts; one after the other they are the same.
TEST_F(LargeBlockTest, HasTheChecksumsOfItsFrames) {
    std::vector<std::byte> file(stored_.file_bytes);
    must(posix_->read_at(path_, 0, file));
    const DecodedHeader header = must_have(decode_header(
        std::span(file).first(kHeaderLengthBytes + must_have(decode_header_length(file, file.size()))),
        file.size()));
    must(verify_frames(header, std::span(file).subspan(header.data_begin)));
}

TEST_F(LargeBlockTest, OneBitAnywhereIsSeen) {
    const std::uint64_t data_bytes = block_.image.size() + 4 * block_.spec.tokens.size();
    const std::uint64_t data_begin = stored_.file_bytes - data_bytes;
    for (std::uint64_t at = 0; at < data_bytes; at += kWorkPartBytes / 3) {
        flip(data_begin + at);
        const Status damaged = read();
        ASSERT_FALSE(damaged) << "byte " << at;
        EXPECT_EQ(damaged.error().code, ErrorCode::kDamaged);
        flip(data_begin + at);
        must(read());
    }
    flip(stored_.file_bytes - 1);
    EXPECT_FALSE(read());
}

TEST_F(LargeBlockTest, IsReadBackInParts) {
    must(read_parts());
    EXPECT_EQ(image_, block_.image);
    const BlockReader reader = must_have(blocks_.open(stored_, block_.spec));
    std::vector<std::byte> buffer(kRowPartBytes);
    EXPECT_FALSE(reader.part(image_.size() / kRowPartBytes + 1, buffer)) << "there is none";
    EXPECT_FALSE(reader.part(0, std::span(buffer).first(kRowPartBytes - 1))) << "no room";
}

TEST_F(LargeBlockTest, OneBitAnywhereIsSeenInItsPart) {
    for (std::uint64_t at = 0; at < stored_.file_bytes; at += kFrameBytes / 3) {
        flip(at);
        const Status damaged = read_parts();
        ASSERT_FALSE(damaged) << "byte " << at;
        EXPECT_EQ(damaged.error().code, ErrorCode::kDamaged);
        flip(at);
    }
    must(read_parts());
    flip(stored_.file_bytes - 1);  // of the tokens: nothing of it is handed out
    EXPECT_FALSE(blocks_.open(stored_, block_.spec));
}

TEST_F(LargeBlockTest, OtherTokensAreNotOpened) {
    BlockSpec other = block_.spec;
    other.tokens.back() += 1;
    const auto opened = blocks_.open(stored_, other);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kDamaged);
}

}  // namespace
}  // namespace kvasir::test
