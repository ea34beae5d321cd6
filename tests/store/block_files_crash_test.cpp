// Block files and the power: what was acknowledged is there, what was removed is gone, and of a write that
// was cut off nothing is read. Each with the variant that loses, caught by the same check.
#include <algorithm>
#include <functional>

#include <gmock/gmock.h>

#include "store/block_files.h"
#include "store/block_fixture.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;

constexpr std::uint32_t kSeeds = 40;

// Everything but one kind of sync.
class ForgetfulFileSystem final : public FileSystem {
  public:
    explicit ForgetfulFileSystem(FileSystem& below) : below_(below) {}

    Status sync_directory(const std::string&) override { return {}; }

    Status write_new_synced(const std::string& path,
                            std::span<const std::span<const std::byte>> parts) override {
        return below_.write_new_synced(path, parts);
    }
    Status rename(const std::string& from, const std::string& to) override { return below_.rename(from, to); }
    Status remove(const std::string& path) override { return below_.remove(path); }
    Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) override {
        return below_.read_at(path, offset, out);
    }
    Result<std::uint64_t> file_size(const std::string& path) override { return below_.file_size(path); }
    Result<std::vector<FileInfo>> list(const std::string& directory) override {
        return below_.list(directory);
    }
    Status make_directories(const std::string& path) override { return below_.make_directories(path); }
    Result<std::uint64_t> free_bytes(const std::string& path) override { return below_.free_bytes(path); }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return below_.lock(path); }

  private:
    FileSystem& below_;
};

class BlockFilesCrashTest : public BlockFilesTest {
  protected:
    // In how many of the states that a power cut may leave the check fails: the one without anything
    // unsynced, and some of the others.
    int states_where_not(const std::function<bool(FaultFileSystem&)>& holds) const {
        int failed = holds(*files_.crash()) ? 0 : 1;
        for (std::uint32_t seed = 0; seed < kSeeds; ++seed) failed += holds(*files_.crash(seed)) ? 0 : 1;
        return failed;
    }

    std::string read_after_restart(FaultFileSystem& survivor, const StoredBlock& stored,
                                   const BlockSpec& expected) {
        BlockFiles blocks(survivor, "/store");
        if (!blocks.create_layout()) return "no start";
        return read_from(blocks, stored, expected);
    }
};

TEST_F(BlockFilesCrashTest, WhatWasAcknowledgedSurvives) {
    const Block block = large_block();
    const StoredBlock stored = write(block);
    const auto survives = [&](FaultFileSystem& survivor) {
        return read_after_restart(survivor, stored, block.spec) == "read" && image_ == block.image;
    };
    EXPECT_EQ(states_where_not(survives), 0);
}

TEST_F(BlockFilesCrashTest, WithoutTheSyncOfTheDirectoryItWouldBeLost) {
    const Block block = large_block();
    ForgetfulFileSystem forgetful(files_);
    BlockFiles blocks(forgetful, "/store");
    const StoredBlock stored = must_have(blocks.write(block.spec, block.image));
    EXPECT_EQ(read(stored, block.spec), "read") << "before the power cut nobody sees it";
    const auto survives = [&](FaultFileSystem& survivor) {
        return read_after_restart(survivor, stored, block.spec) == "read";
    };
    EXPECT_GT(states_where_not(survives), 10);
}

TEST_F(BlockFilesCrashTest, WhatWasRemovedStaysGone) {
    const Block block = small_block();
    const auto is_gone = [&](FaultFileSystem& survivor) { return survivor.paths().empty(); };
    write(block);
    must_have(blocks_.write(window_segment().spec, window_segment().image));
    ASSERT_TRUE(blocks_.remove(BlockKind::kAppend, block.spec.name));
    ASSERT_TRUE(blocks_.remove(BlockKind::kAppend, block.spec.name)) << "no error when it is not there";
    EXPECT_THAT(files_.crash()->paths(), ElementsAre(path_of(window_segment())));
    ASSERT_TRUE(blocks_.remove(BlockKind::kWindow, block.spec.name));
    EXPECT_EQ(states_where_not(is_gone), 0);

    write(block);
    ForgetfulFileSystem forgetful(files_);
    BlockFiles blocks(forgetful, "/store");
    ASSERT_TRUE(blocks.remove(BlockKind::kAppend, block.spec.name));
    EXPECT_GT(states_where_not(is_gone), 10) << "control: words that were erased come back";
}

TEST_F(BlockFilesCrashTest, CutOffAtAnyCallAWriteIsWholeOrNothing) {
    const Block block = large_block();
    const StoredBlock stored = stored_as(block.spec, file_of(block));
    int whole = 0;
    int absent = 0;
    for (std::uint64_t nth = 1;; ++nth) {
        FaultFileSystem files;
        BlockFiles blocks(files, "/store");
        ASSERT_TRUE(blocks.create_layout());
        files.fail({.nth = nth, .repeat = FaultRepeat::kForever, .leaves = FaultLeaves::kTornFile});
        const auto written = blocks.write(block.spec, block.image);
        for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
            const auto survivor = files.crash(seed);
            const std::string outcome = read_after_restart(*survivor, stored, block.spec);
            ASSERT_TRUE(outcome == "read" || outcome == "not_found") << outcome << " after call " << nth;
            ASSERT_TRUE(outcome == "read" || !written) << "acknowledged, and lost";
            ASSERT_LE(survivor->paths().size(), 1u) << "a start leaves no temporary file";
            (outcome == "read" ? whole : absent) += 1;
        }
        if (files.faults_given() == 0) break;
        ASSERT_FALSE(written) << "a call that failed must not be taken for success: " << nth;
    }
    EXPECT_GT(whole, 0);
    EXPECT_GT(absent, 0);
}

TEST_F(BlockFilesCrashTest, AWriterWithoutATemporaryNameWouldLeaveHalfABlock) {
    const Block block = large_block();
    const std::string file = file_of(block);
    const std::array<std::span<const std::byte>, 1> parts = {std::as_bytes(std::span(file))};
    files_.fail({.leaves = FaultLeaves::kTornFile});
    EXPECT_FALSE(files_.write_new_synced(path_of(block), parts));
    const auto is_whole_or_nothing = [&](FaultFileSystem& survivor) {
        const std::string outcome = read_after_restart(survivor, stored_as(block.spec, file), block.spec);
        return outcome == "read" || outcome == "not_found";
    };
    EXPECT_GT(states_where_not(is_whole_or_nothing), 5);
}

TEST_F(BlockFilesCrashTest, OneFailingCallIsToldOrOvercome) {
    const Block block = small_block();
    int told = 0;
    int overcome = 0;
    for (const ErrorCode code : {ErrorCode::kIo, ErrorCode::kNoSpace}) {
        for (std::uint64_t nth = 1;; ++nth) {
            FaultFileSystem files;
            BlockFiles blocks(files, "/store");
            ASSERT_TRUE(blocks.create_layout());
            files.fail({.nth = nth, .code = code});
            const auto written = blocks.write(block.spec, block.image);
            if (files.faults_given() == 0) break;
            (written ? overcome : told) += 1;
            if (!written) {
                EXPECT_EQ(written.error().code, code);
            }
            const auto survivor = files.crash();
            EXPECT_EQ(survivor->paths().size(), written ? 1u : 0u) << nth;
            const auto again = blocks.write(block.spec, block.image);
            ASSERT_TRUE(again) << "the next write works";
            EXPECT_EQ(read_after_restart(*files.crash(), *again, block.spec), "read");
        }
    }
    EXPECT_EQ(overcome, 1) << "the sync that failed once";
    EXPECT_EQ(told, 5);
}

// The directory's sync fails after the name is gone. Who asks again finds no file, and must not be told that
// it is gone for good before it is.
TEST_F(BlockFilesCrashTest, ARemovalWhoseSyncFailedIsDurableOnceItWasRepeated) {
    const Block block = small_block();
    const auto is_gone = [](FaultFileSystem& survivor) { return survivor.paths().empty(); };
    write(block);
    files_.fail({.only = FileCall::kSyncDirectory});
    EXPECT_FALSE(blocks_.remove(BlockKind::kAppend, block.spec.name));
    EXPECT_GT(states_where_not(is_gone), 10) << "control: it is not gone yet";
    ASSERT_TRUE(blocks_.remove(BlockKind::kAppend, block.spec.name));
    EXPECT_EQ(states_where_not(is_gone), 0);

    write(block);
    ASSERT_TRUE(blocks_.quarantine(BlockKind::kAppend, block.spec.name, "x"));
    files_.fail({.only = FileCall::kSyncDirectory});
    EXPECT_FALSE(blocks_.remove_quarantined(BlockKind::kAppend, block.spec.name));
    EXPECT_GT(states_where_not(is_gone), 10) << "control";
    ASSERT_TRUE(blocks_.remove_quarantined(BlockKind::kAppend, block.spec.name));
    EXPECT_EQ(states_where_not(is_gone), 0);
}

// Before either directory is synced, a file on its way may be in one, both or none of them, and then it is
// lost for whoever wants to look into it; but nothing that was synced is ever taken back, and what was
// acknowledged stays.
TEST_F(BlockFilesCrashTest, CutOffAtAnyCallAQuarantineKeepsTheFileUnreadable) {
    const Block block = small_block();
    for (std::uint64_t nth = 1;; ++nth) {
        FaultFileSystem files;
        BlockFiles blocks(files, "/store");
        ASSERT_TRUE(blocks.create_layout());
        const StoredBlock stored = must_have(blocks.write(block.spec, block.image));
        files.flip_byte(path_of(block), stored.file_bytes - 1);
        const std::string damaged = files.content(path_of(block));
        const auto is_kept = [&](const FaultFileSystem& survivor) {
            return std::ranges::any_of(
                survivor.paths(), [&](const std::string& path) { return survivor.content(path) == damaged; });
        };
        files.fail({.nth = nth, .repeat = FaultRepeat::kForever, .leaves = FaultLeaves::kTornFile});
        const Status moved = blocks.quarantine(BlockKind::kAppend, block.spec.name, "flipped byte");
        EXPECT_TRUE(is_kept(*files.crash())) << "removed from one directory before the other has it: " << nth;
        for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
            const auto survivor = files.crash(seed);
            const std::string outcome = read_after_restart(*survivor, stored, block.spec);
            ASSERT_TRUE(outcome == "not_found" || (outcome == "damaged" && !moved)) << outcome << nth;
            ASSERT_TRUE(!moved || is_kept(*survivor)) << "acknowledged, and lost";
        }
        if (files.faults_given() == 0) break;
        ASSERT_FALSE(moved) << "a call that failed must not be taken for success: " << nth;
    }
}

}  // namespace
}  // namespace kvasir::test
