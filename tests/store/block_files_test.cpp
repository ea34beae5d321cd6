// Block files: what is written is read back, in the right order for a power cut, and nothing else is read.
#include "store/block_files.h"

#include <filesystem>
#include <functional>
#include <thread>

#include <gmock/gmock.h>

#include "store/block_fixture.h"
#include "store/catalog_fixture.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(BlockFilesTest, ReadsBackWhatWasWritten) {
    for (const Block& block :
         {small_block(), window_segment(), snapshot_state(), large_block(), small_block(0x01, 1)}) {
        const StoredBlock stored = write(block);
        EXPECT_EQ(stored.name, block.spec.name);
        EXPECT_EQ(stored.kind, block.spec.kind);
        EXPECT_EQ(stored.parent, block.spec.parent);
        EXPECT_EQ(stored.range, block.spec.range);
        EXPECT_EQ(stored.tokens, block.spec.tokens);
        EXPECT_EQ(files_.content(path_of(block)), file_of(block));
        EXPECT_EQ(stored.file_bytes, file_of(block).size());
        ASSERT_EQ(read(stored, block.spec), "read");
        EXPECT_EQ(image_, block.image);
    }
    EXPECT_EQ(files_.paths().size(), 5u) << "no temporary file is left";
}

TEST_F(BlockFilesTest, TheSameBlockIsTheSameBytes) {
    const Block block = large_block();
    const StoredBlock first = write(block);
    const std::string bytes = files_.content(path_of(block));
    const StoredBlock second = write(block);
    EXPECT_EQ(files_.content(path_of(block)), bytes);
    EXPECT_EQ(first.header_hash, second.header_hash);
}

TEST(BlockFilesOnDiskTest, LieWhereTheFormatSays) {
    const TemporaryDirectory directory;
    const auto posix = make_posix_file_system();
    BlockFiles blocks(*posix, directory.path());
    must(blocks.create_layout());
    std::vector<std::byte> image;
    for (const Block& block : {small_block(), window_segment(), snapshot_state(), large_block()}) {
        const StoredBlock stored = must_have(blocks.write(block.spec, block.image));
        must(blocks.read(stored, block.spec, image));
        EXPECT_EQ(image, block.image);
    }
    const std::string hex = small_block().spec.name.hex();
    EXPECT_TRUE(std::filesystem::exists(directory.file("blocks/a1/" + hex + ".safetensors")));
    EXPECT_TRUE(std::filesystem::exists(directory.file("blocks/a1/" + hex + ".window.safetensors")));
    must(blocks.quarantine(BlockKind::kAppend, small_block().spec.name, "a reason"));
    EXPECT_FALSE(std::filesystem::exists(directory.file("blocks/a1/" + hex + ".safetensors")));
    must(blocks.remove_quarantined(BlockKind::kAppend, small_block().spec.name));
    EXPECT_TRUE(std::filesystem::is_empty(directory.file("quarantine")));
}

TEST_F(BlockFilesTest, RefusesEveryMutationOfTheHeader) {
    const Block block = small_block();
    const StoredBlock stored = write(block);
    const std::string file = files_.content(path_of(block));
    for (std::size_t bit = 0; bit < 8 * header_bytes_of(file); ++bit) {
        std::string mutated = file;
        mutated[bit / 8] = static_cast<char>(mutated[bit / 8] ^ (1 << (bit % 8)));
        files_.replace(path_of(block), mutated);
        ASSERT_EQ(read(stored, block.spec), "damaged") << "bit " << bit;
        // Even if the catalog knew that header: what it says is not what is expected, or not what the data
        // is.
        ASSERT_EQ(read(stored_as(block.spec, mutated), block.spec), "damaged")
            << "bit " << bit << ", hash forged";
    }
    files_.replace(path_of(block), file);
    EXPECT_EQ(read(stored, block.spec), "read") << "control: unchanged it is read";
    EXPECT_EQ(read(stored_as(block.spec, file), block.spec), "read")
        << "control: and so it is with the forged hash";
}

TEST_F(BlockFilesTest, RefusesMutationsOfTheData) {
    for (const Block& block : {small_block(), large_block()}) {
        const StoredBlock stored = write(block);
        const std::string file = files_.content(path_of(block));
        const std::size_t begin = header_bytes_of(file);
        const std::size_t step = std::max<std::size_t>(1, (file.size() - begin) / 97);
        for (std::size_t at = begin; at < file.size(); at += step) {
            files_.flip_byte(path_of(block), at);
            ASSERT_EQ(read(stored, block.spec), "damaged") << at;
            files_.flip_byte(path_of(block), at);
        }
        files_.flip_byte(path_of(block), file.size() - 1);
        EXPECT_EQ(read(stored, block.spec), "damaged") << "the last byte, a token's";
        files_.flip_byte(path_of(block), file.size() - 1);
        EXPECT_EQ(read(stored, block.spec), "read") << "control";
    }
}

TEST_F(BlockFilesTest, RefusesEveryOtherLength) {
    const Block block = small_block();
    const StoredBlock stored = write(block);
    const std::string file = files_.content(path_of(block));
    for (std::size_t size = 0; size < file.size(); ++size) {
        files_.replace(path_of(block), file.substr(0, size));
        ASSERT_EQ(read(stored, block.spec), "damaged") << size;
        ASSERT_EQ(read(stored_as(block.spec, file.substr(0, size)), block.spec), "damaged")
            << size << ", size forged";
    }
    for (const std::string& longer : {file + '\0', file + file, file + std::string(64, ' ')}) {
        files_.replace(path_of(block), longer);
        EXPECT_EQ(read(stored, block.spec), "damaged");
        EXPECT_EQ(read(stored_as(block.spec, longer), block.spec), "damaged") << "size forged";
    }
}

TEST_F(BlockFilesTest, RefusesFilesThatWereExchanged) {
    const Block one = small_block(0xa1);
    const Block other = small_block(0xa2);
    const StoredBlock stored_one = write(one);
    const StoredBlock stored_other = write(other);
    ASSERT_EQ(stored_one.file_bytes, stored_other.file_bytes) << "the size does not tell them apart";
    files_.swap(path_of(one), path_of(other));
    EXPECT_EQ(read(stored_one, one.spec), "damaged");
    EXPECT_EQ(read(stored_other, other.spec), "damaged");
    EXPECT_EQ(read(stored_as(one.spec, file_of(other)), one.spec), "damaged") << "hash forged";
    StoredBlock other_at_one = stored_other;
    other_at_one.name = one.spec.name;
    EXPECT_EQ(read(other_at_one, other.spec), "damaged") << "the right words under another name";
    files_.swap(path_of(one), path_of(other));
    EXPECT_EQ(read(stored_one, one.spec), "read") << "control";

    // The header of one with the data of the other.
    const std::size_t begin = header_bytes_of(file_of(one));
    const std::string mixed = file_of(one).substr(0, begin) + file_of(other).substr(begin);
    files_.replace(path_of(one), mixed);
    EXPECT_EQ(read(stored_one, one.spec), "damaged");
}

// Whole, right by its own checksums, and of the same tokens: only the catalog's hash tells it from the file
// that was acknowledged.
TEST_F(BlockFilesTest, RefusesAnotherVersionOfTheSameBlock) {
    const Block block = small_block();
    Block other = block;
    other.image = rows_of(99, other.image.size());
    const StoredBlock stored = write(block);
    const StoredBlock stored_other = write(other);
    ASSERT_EQ(stored.file_bytes, stored_other.file_bytes);
    EXPECT_EQ(read(stored, block.spec), "damaged");
    EXPECT_EQ(read(stored_other, block.spec), "read") << "control: nothing else is wrong with it";
}

TEST_F(BlockFilesTest, SizeAndHashAreCheckedBeforeTheParser) {
    const Block block = small_block();
    const StoredBlock stored = write(block);
    const std::string file = files_.content(path_of(block));
    files_.replace(path_of(block), file + "x");
    EXPECT_THAT(blocks_.read(stored, block.spec, image_).error().message, HasSubstr("size"));
    EXPECT_EQ(files_.calls(FileCall::kRead), 0u) << "a file of another size is not even opened";
    files_.replace(path_of(block), file);
    files_.flip_byte(path_of(block), kHeaderLengthBytes);  // no JSON any more
    EXPECT_THAT(blocks_.read(stored, block.spec, image_).error().message, HasSubstr("hash"));
    EXPECT_EQ(files_.calls(FileCall::kRead), 2u) << "nor is the data read";
}

// One wrong expectation at a time: a file that is whole, but another's.
TEST_F(BlockFilesTest, RefusesABlockThatIsNotTheExpectedOne) {
    const std::vector<std::pair<const char*, std::function<void(BlockSpec&)>>> differences = {
        {"fingerprint", [](BlockSpec& s) { s.fingerprint.bytes[31] ^= 1; }},
        {"parent", [](BlockSpec& s) { s.parent->bytes[0] ^= 1; }},
        {"no parent", [](BlockSpec& s) { s.parent.reset(); }},
        {"name", [](BlockSpec& s) { s.name.bytes[31] ^= 1; }},
        {"kind", [](BlockSpec& s) { s.kind = BlockKind::kWindow; }},
        {"position",
         [](BlockSpec& s) {
             s.range = {s.range.begin + 256, s.range.end + 256};
         }},
        {"length", [](BlockSpec& s) { ++s.range.end; }},
        {"a token", [](BlockSpec& s) { ++s.tokens.back(); }},
        {"a token more", [](BlockSpec& s) { s.tokens.push_back(1); }},
        {"a token less", [](BlockSpec& s) { s.tokens.pop_back(); }},
        {"key type", [](BlockSpec& s) { s.kv_type_k = "bf16"; }},
        {"value type", [](BlockSpec& s) { s.kv_type_v = "bf16"; }},
        {"tensor type", [](BlockSpec& s) { s.tensors[0].dtype = "BF16"; }},
        {"tensor shape",
         [](BlockSpec& s) {
             s.tensors[0].shape = {4, 3};
         }},
        {"tensor name", [](BlockSpec& s) { s.tensors[0].name = "layer_9.key"; }},
        {"tensor order", [](BlockSpec& s) { std::swap(s.tensors[0], s.tensors[1]); }},
        {"a tensor more", [](BlockSpec& s) { s.tensors.push_back(f16_tensor("layer_1.key", 3, 4)); }},
        {"a tensor less", [](BlockSpec& s) { s.tensors.pop_back(); }},
    };
    const Block block = small_block();
    const StoredBlock stored = write(block);
    for (const auto& [what, change] : differences) {
        BlockSpec expected = block.spec;
        change(expected);
        EXPECT_EQ(read(stored, expected), "damaged") << what;
    }
    EXPECT_EQ(read(stored, block.spec), "read") << "control";
}

TEST_F(BlockFilesTest, TellsMissingFromDamagedFromUnreadable) {
    const Block block = small_block();
    const StoredBlock stored = write(block);
    for (std::uint64_t nth = 1; nth <= 4; ++nth) {
        files_.fail({.nth = nth, .code = ErrorCode::kIo});
        EXPECT_EQ(read(stored, block.spec), "io") << nth << ": it may be whole";
        EXPECT_EQ(files_.faults_given(), 1u);
    }
    files_.heal();
    EXPECT_EQ(read(stored, block.spec), "read");
    ASSERT_TRUE(files_.remove(path_of(block)));
    EXPECT_EQ(read(stored, block.spec), "not_found");
}

TEST_F(BlockFilesTest, AfterAFailedSyncItWritesAnotherFileOnce) {
    const Block block = small_block();
    files_.fail({.only = FileCall::kWrite, .leaves = FaultLeaves::kTornFile});
    const StoredBlock stored = write(block);
    EXPECT_EQ(files_.calls(FileCall::kWrite), 2u);
    EXPECT_EQ(read(stored, block.spec), "read");
    ASSERT_EQ(files_.paths().size(), 2u) << "the torn one has another name";
    must(blocks_.create_layout());
    EXPECT_THAT(files_.paths(), ElementsAre(path_of(block))) << "the next start removes it";

    files_.fail({.repeat = FaultRepeat::kForever, .only = FileCall::kWrite});
    EXPECT_EQ(blocks_.write(block.spec, block.image).error().code, ErrorCode::kIo);
    EXPECT_EQ(files_.faults_given(), 2u) << "once more, not for ever";
    files_.fail({.code = ErrorCode::kNoSpace, .repeat = FaultRepeat::kForever, .only = FileCall::kWrite});
    EXPECT_EQ(blocks_.write(block.spec, block.image).error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(files_.faults_given(), 1u) << "a full disk stays full";
    files_.fail({.only = FileCall::kRename});
    EXPECT_FALSE(blocks_.write(block.spec, block.image));
    EXPECT_THAT(files_.paths(), ElementsAre(path_of(block))) << "no temporary file is left";
}

TEST_F(BlockFilesTest, RefusesToWriteABlockThatDoesNotFitItself) {
    Block block = small_block();
    block.image.pop_back();
    EXPECT_EQ(blocks_.write(block.spec, block.image).error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(files_.paths().empty());
}

TEST_F(BlockFilesTest, QuarantineFreesTheNameAndKeepsTheFileWithItsReason) {
    const Block block = small_block();
    const Block segment = window_segment();
    write(segment);
    for (int times = 1; times <= 2; ++times) {
        const StoredBlock stored = write(block);
        files_.flip_byte(path_of(block), 5);
        const std::string damaged = files_.content(path_of(block));
        must(blocks_.quarantine(BlockKind::kAppend, block.spec.name, "flipped byte"));
        EXPECT_EQ(read(stored, block.spec), "not_found");
        const auto survivor = files_.crash();
        const auto quarantined = must_have(survivor->list("/store/quarantine"));
        ASSERT_EQ(quarantined.size(), 2u * static_cast<unsigned>(times))
            << "durable, and none replaced another";
        EXPECT_EQ(survivor->content("/store/quarantine/" + quarantined[0].name), damaged);
        EXPECT_THAT(quarantined[0].name, HasSubstr(block.spec.name.hex() + ".safetensors."));
        EXPECT_EQ(quarantined[1].name, quarantined[0].name + ".reason");
        EXPECT_EQ(survivor->content("/store/quarantine/" + quarantined[1].name), "flipped byte");
        EXPECT_EQ(survivor->file_size(path_of(block)).error().code, ErrorCode::kNotFound);
    }
    EXPECT_EQ(blocks_.quarantine(BlockKind::kAppend, block.spec.name, "gone").error().code,
              ErrorCode::kNotFound);

    must(blocks_.quarantine(BlockKind::kWindow, segment.spec.name, "another"));
    must(blocks_.remove_quarantined(BlockKind::kAppend, block.spec.name));
    EXPECT_EQ(must_have(files_.crash()->list("/store/quarantine")).size(), 2u) << "the segment's stay";
    must(blocks_.remove_quarantined(BlockKind::kWindow, segment.spec.name));
    EXPECT_TRUE(files_.crash()->paths().empty());
}

TEST_F(BlockFilesTest, ADamagedFileIsMovedEvenIfTheReasonCannotBeNoted) {
    const Block block = small_block();
    write(block);
    files_.fail({.code = ErrorCode::kNoSpace, .only = FileCall::kWrite});
    EXPECT_EQ(blocks_.quarantine(BlockKind::kAppend, block.spec.name, "x").error().code, ErrorCode::kNoSpace);
    const auto survivor = files_.crash();
    EXPECT_EQ(survivor->file_size(path_of(block)).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(survivor->paths().size(), 1u);
}

TEST_F(BlockFilesTest, TwoWritersOfOneNameAreBothRight) {
    const Block block = large_block();
    std::array<Result<StoredBlock>, 4> stored;
    std::vector<std::thread> writers;
    for (Result<StoredBlock>& one : stored)
        writers.emplace_back([&] { one = blocks_.write(block.spec, block.image); });
    for (std::thread& writer : writers) writer.join();
    for (const Result<StoredBlock>& one : stored) {
        ASSERT_TRUE(one);
        EXPECT_EQ(read(*one, block.spec), "read");
    }
    EXPECT_THAT(files_.paths(), ElementsAre(path_of(block)));
}

}  // namespace
}  // namespace kvasir::test
