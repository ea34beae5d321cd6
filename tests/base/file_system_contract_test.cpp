// The file system of the tests and that of production do the same, call for call; and the one of the tests
// fails and forgets as it says.
#include <array>
#include <filesystem>
#include <random>
#include <string>

#include <gmock/gmock.h>

#include "base/file_system.h"
#include "support/fault_file_system.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;

std::array<std::span<const std::byte>, 1> one_part(const std::string& text) {
    return {std::as_bytes(std::span(text))};
}

// What a call answered, without what may differ: messages and times.
template <class T>
std::string outcome(const Result<T>& result) {
    return result ? "ok" : to_string(result.error().code);
}

std::string listing(const Result<std::vector<FileInfo>>& files) {
    std::string text = outcome(files);
    if (!files) return text;
    for (const FileInfo& file : *files) text += " " + file.name + ":" + std::to_string(file.size_bytes);
    return text;
}

class Player {
  public:
    Player(FileSystem& files, std::string root) : files_(files), root_(std::move(root)) {}

    // The same seed is the same call.
    std::string play(std::mt19937 random) {
        const std::string one = name(random);
        const std::string other = name(random);
        switch (random() % 10) {
            case 0:
            case 1: {
                if (would_be_in_the_way(one)) return "skipped";
                const std::string text(random() % 40, 'x');
                return "write " + outcome(files_.write_new_synced(one, one_part(text)));
            }
            case 2: {
                // Renaming directories is not what the store does.
                if (!files_.file_size(one) || would_be_in_the_way(other)) return "skipped";
                return "rename " + outcome(files_.rename(one, other));
            }
            case 3:
                return "sync " + outcome(files_.sync_directory(one));
            case 4: {
                if (!files_.file_size(one) && files_.list(one)) return "skipped";
                return "remove " + outcome(files_.remove(one));
            }
            case 5: {
                std::string out(1 + random() % 30, ' ');
                const auto read = files_.read_at(one, random() % 20, std::as_writable_bytes(std::span(out)));
                return "read " + outcome(read) + (read ? out : "");
            }
            case 6: {
                const auto size = files_.file_size(one);
                return "size " + outcome(size) + (size ? std::to_string(*size) : "");
            }
            case 7:
                return "list " + listing(files_.list(one));
            case 8:
                return "make " + outcome(files_.make_directories(one));
            default:
                return "free " + outcome(files_.free_bytes(one));
        }
    }

  private:
    std::string name(std::mt19937& random) const {
        static constexpr std::array<const char*, 7> kNames = {"", "/a", "/b", "/d", "/d/a", "/d/b", "/d/e/a"};
        return root_ + kNames[random() % kNames.size()];
    }

    // A file with the name of a directory: below it the kernel says ENOTDIR, which is no case of the store.
    bool would_be_in_the_way(const std::string& path) const {
        return path == root_ + "/d" && !files_.list(path);
    }

    FileSystem& files_;
    std::string root_;
};

TEST(FileSystemContractTest, BothFileSystemsAnswerTheSame) {
    int answered = 0;
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
        std::string root = ::testing::TempDir() + "kvasir-contract-XXXXXX";
        ASSERT_NE(mkdtemp(root.data()), nullptr);
        const auto posix = make_posix_file_system();
        FaultFileSystem memory;
        ASSERT_TRUE(memory.make_directories(root));
        Player real(*posix, root);
        Player fake(memory, root);
        std::mt19937 random(seed);
        for (int step = 0; step < 60; ++step) {
            const std::mt19937 call(random());
            const std::string answer = real.play(call);
            const std::string fake_answer = fake.play(call);
            ASSERT_EQ(answer, fake_answer) << "seed " << seed << " step " << step;
            if (answer.find("ok") != std::string::npos) ++answered;
        }
        std::filesystem::remove_all(root);
    }
    EXPECT_GT(answered, 500) << "most calls must have done something";
}

class FaultFileSystemTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(files_.make_directories("/s/a"));
        ASSERT_TRUE(files_.make_directories("/s/b"));
    }
    Status write(const std::string& path) { return files_.write_new_synced(path, one_part(path)); }

    FaultFileSystem files_;
};

TEST_F(FaultFileSystemTest, FailsTheCallItWasToldTo) {
    files_.fail({.nth = 2, .code = ErrorCode::kNoSpace});
    EXPECT_TRUE(write("/s/1"));
    EXPECT_EQ(write("/s/2").error().code, ErrorCode::kNoSpace);
    EXPECT_TRUE(write("/s/3"));
    files_.fail({.nth = 2, .repeat = FaultRepeat::kForever, .only = FileCall::kRemove});
    EXPECT_TRUE(write("/s/4"));
    EXPECT_TRUE(files_.remove("/s/1"));
    EXPECT_EQ(files_.remove("/s/3").error().code, ErrorCode::kIo);
    EXPECT_EQ(files_.remove("/s/3").error().code, ErrorCode::kIo);
    EXPECT_EQ(files_.faults_given(), 2u);
    files_.heal();
    EXPECT_TRUE(files_.remove("/s/3"));
    EXPECT_EQ(files_.calls(FileCall::kWrite), 4u);
    EXPECT_EQ(files_.calls(FileCall::kRemove), 4u);
    EXPECT_EQ(files_.calls(), 10u);
    EXPECT_EQ(files_.bytes_written(), 12u);
}

TEST_F(FaultFileSystemTest, APowerCutKeepsWhatWasSyncedOnly) {
    ASSERT_TRUE(write("/s/a/old"));
    ASSERT_TRUE(write("/s/a/gone"));
    ASSERT_TRUE(files_.sync_directory("/s/a"));
    ASSERT_TRUE(write("/s/a/new"));
    ASSERT_TRUE(files_.rename("/s/a/old", "/s/a/renamed"));
    ASSERT_TRUE(files_.remove("/s/a/gone"));
    EXPECT_THAT(files_.paths(), ElementsAre("/s/a/new", "/s/a/renamed"));
    EXPECT_THAT(files_.crash()->paths(), ElementsAre("/s/a/gone", "/s/a/old"));
    ASSERT_TRUE(files_.sync_directory("/s/b"));
    EXPECT_THAT(files_.crash()->paths(), ElementsAre("/s/a/gone", "/s/a/old")) << "another directory";
    ASSERT_TRUE(files_.sync_directory("/s/a"));
    EXPECT_THAT(files_.crash()->paths(), ElementsAre("/s/a/new", "/s/a/renamed"));
    EXPECT_EQ(files_.crash()->content("/s/a/renamed"), "/s/a/old");
}

TEST_F(FaultFileSystemTest, OfWhatWasNotSyncedAnyPartMaySurvive) {
    ASSERT_TRUE(write("/s/a/1"));
    ASSERT_TRUE(write("/s/a/2"));
    std::set<std::vector<std::string>> states;
    for (std::uint32_t seed = 0; seed < 64; ++seed) states.insert(files_.crash(seed)->paths());
    EXPECT_EQ(states.size(), 4u);
    EXPECT_EQ(files_.crash(7)->paths(), files_.crash(7)->paths());
}

TEST_F(FaultFileSystemTest, AMoveBetweenDirectoriesMayBeHalfDone) {
    ASSERT_TRUE(write("/s/a/file"));
    ASSERT_TRUE(files_.sync_directory("/s/a"));
    ASSERT_TRUE(files_.rename("/s/a/file", "/s/b/file"));
    ASSERT_TRUE(files_.sync_directory("/s/b"));
    EXPECT_THAT(files_.crash()->paths(), ElementsAre("/s/a/file", "/s/b/file"));
    ASSERT_TRUE(files_.sync_directory("/s/a"));
    EXPECT_THAT(files_.crash()->paths(), ElementsAre("/s/b/file"));
}

TEST_F(FaultFileSystemTest, AWriteThatDiesLeavesHalfAFileUnlessItCleansUp) {
    files_.fail({.leaves = FaultLeaves::kTornFile});
    EXPECT_FALSE(write("/s/torn"));
    EXPECT_EQ(files_.content("/s/torn"), "/s/");
    files_.fail({});
    EXPECT_FALSE(write("/s/clean"));
    EXPECT_THAT(files_.paths(), ElementsAre("/s/torn"));
}

TEST_F(FaultFileSystemTest, ALockIsHeldUntilItGoes) {
    auto lock = files_.lock("/s/lock");
    ASSERT_TRUE(lock);
    EXPECT_EQ(files_.lock("/s/lock").error().code, ErrorCode::kStoreInUse);
    EXPECT_TRUE(files_.crash()->lock("/s/lock")) << "who held it is dead";
    lock->reset();
    EXPECT_TRUE(files_.lock("/s/lock"));
}

}  // namespace
}  // namespace kvasir::test
