// Files that another thread writes: what is written, who is told of it, and that none is left behind.
#include "store/block_writer.h"

#include <thread>

#include "store/block_fixture.h"
#include "store/catalog_fixture.h"

namespace kvasir::test {
namespace {

class BlockWriterTest : public BlockFilesTest {
  protected:
    static std::shared_ptr<BlockWrite> begin(BlockWriter& writer, const Block& block) {
        return writer.begin(block.spec, std::make_shared<std::vector<std::byte>>(block.image));
    }
};

TEST_F(BlockWriterTest, WritesWhatBlockFilesWould) {
    BlockWriter writer(blocks_);
    std::vector<std::pair<Block, std::shared_ptr<BlockWrite>>> begun;
    for (const Block& block : {small_block(), window_segment(), snapshot_state(), large_block()})
        begun.emplace_back(block, begin(writer, block));
    for (const auto& [block, write] : begun) {
        EXPECT_EQ(write->image_bytes(), block.image.size());
        const StoredBlock stored = must_have(writer.finish(*write));
        EXPECT_TRUE(write->finished());
        EXPECT_EQ(files_.content(path_of(block)), file_of(block));
        ASSERT_EQ(read(stored, block.spec), "read");
        EXPECT_EQ(image_, block.image);
    }
}

TEST_F(BlockWriterTest, ToldOfByWhoeverFinishesIt) {
    std::vector<std::thread::id> told;
    std::vector<bool> written;
    blocks_.on_write([&](const Status& status) {
        told.push_back(std::this_thread::get_id());
        written.push_back(status.has_value());
    });
    BlockWriter writer(blocks_);
    files_.fail(
        {.nth = 1, .code = ErrorCode::kNoSpace, .repeat = FaultRepeat::kOnce, .only = FileCall::kWrite});
    const auto refused = begin(writer, small_block());
    while (!refused->finished()) refused->wait(std::chrono::milliseconds(1));
    EXPECT_TRUE(told.empty()) << "by the thread that wrote it";
    const auto outcome = writer.finish(*refused);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kNoSpace);
    EXPECT_TRUE(writer.finish(*begin(writer, small_block())));
    EXPECT_EQ(told, std::vector<std::thread::id>(2, std::this_thread::get_id()));
    EXPECT_EQ(written, (std::vector<bool>{false, true}));
}

TEST_F(BlockWriterTest, WhatWasBegunIsWrittenBeforeItEnds) {
    {
        BlockWriter writer(blocks_);
        for (std::uint8_t name = 0; name < 20; ++name) begin(writer, small_block(name));
    }
    EXPECT_EQ(files_.paths().size(), 20u);
}

}  // namespace
}  // namespace kvasir::test
