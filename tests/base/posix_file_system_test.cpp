// The production file system on a real disk.
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_system.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

class PosixFileSystemTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "kvasir-base-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }

    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    Status write(const std::string& name, std::string_view first, std::string_view second = {}) {
        const std::array<std::span<const std::byte>, 2> parts = {std::as_bytes(std::span(first)),
                                                                 std::as_bytes(std::span(second))};
        return files_->write_new_synced(path(name), parts);
    }

    std::string content(const std::string& name) const {
        std::ifstream in(path(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }

    std::string directory_;
    std::unique_ptr<FileSystem> files_ = make_posix_file_system();
};

TEST_F(PosixFileSystemTest, WritesAllPartsAndReadsThemBack) {
    const std::string large(5 * 1024 * 1024 + 3, 'k');
    ASSERT_TRUE(write("file", "head", large));
    EXPECT_EQ(content("file"), "head" + large);
    EXPECT_EQ(files_->file_size(path("file")).value(), 4 + large.size());
    std::string read(6, ' ');
    ASSERT_TRUE(files_->read_at(path("file"), 2, std::as_writable_bytes(std::span(read))));
    EXPECT_EQ(read, "adkkkk");
    ASSERT_TRUE(files_->read_at(path("file"), 4 + large.size(), {}));
}

TEST_F(PosixFileSystemTest, FilesAndDirectoriesAreTheirOwnersOnly) {
    const mode_t before = ::umask(0);
    ASSERT_TRUE(files_->make_directories(path("a/b/c")));
    ASSERT_TRUE(write("a/b/c/file", "x"));
    ASSERT_TRUE(files_->lock(path("lock")));
    ::umask(before);
    const auto mode_of = [&](const std::string& name) {
        struct stat info {};
        EXPECT_EQ(::stat(path(name).c_str(), &info), 0);
        return info.st_mode & 0777U;
    };
    EXPECT_EQ(mode_of("a"), 0700U);
    EXPECT_EQ(mode_of("a/b/c"), 0700U);
    EXPECT_EQ(mode_of("a/b/c/file"), 0600U);
    EXPECT_EQ(mode_of("lock"), 0600U);
    EXPECT_TRUE(files_->make_directories(path("a/b/c"))) << "it may be there already";
}

TEST_F(PosixFileSystemTest, NeverWritesIntoWhatIsThere) {
    ASSERT_TRUE(write("file", "old"));
    const Status again = write("file", "new");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kIo);
    EXPECT_EQ(content("file"), "old");

    std::filesystem::create_symlink(path("file"), path("link"));
    std::filesystem::create_symlink(path("nowhere"), path("dangling"));
    EXPECT_FALSE(write("link", "new"));
    EXPECT_FALSE(write("dangling", "new"));
    EXPECT_FALSE(std::filesystem::exists(path("nowhere")));
    EXPECT_EQ(content("file"), "old");
    std::array<std::byte, 3> out{};
    EXPECT_FALSE(files_->read_at(path("link"), 0, out)) << "nor reads through a link";
    EXPECT_FALSE(files_->file_size(path("link")));
}

// The kernel refuses to write past the limit of file sizes: a short write, then an error.
TEST_F(PosixFileSystemTest, AWriteThatEndsEarlyLeavesNothing) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 1000;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const Status written = write("file", std::string(900, 'a'), std::string(900, 'b'));
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kNoSpace);
    EXPECT_FALSE(std::filesystem::exists(path("file")));
    EXPECT_TRUE(write("file", std::string(900, 'a'), std::string(900, 'b'))) << "without the limit it works";
}

TEST_F(PosixFileSystemTest, AFileThatIsTooShortIsDamaged) {
    ASSERT_TRUE(write("file", "0123456789"));
    std::array<std::byte, 10> out{};
    ASSERT_TRUE(files_->read_at(path("file"), 0, out));
    std::filesystem::resize_file(path("file"), 9);
    const Status cut = files_->read_at(path("file"), 0, out);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, ErrorCode::kDamaged);
    EXPECT_THAT(cut.error().message, HasSubstr("truncated"));
    EXPECT_EQ(files_->read_at(path("file"), 1000, out).error().code, ErrorCode::kDamaged);
}

TEST_F(PosixFileSystemTest, ErrorsNameThePathAndTheReason) {
    std::array<std::byte, 1> out{};
    const std::string gone = path("gone");
    const std::vector<Error> errors = {
        files_->read_at(gone, 0, out).error(),
        files_->file_size(gone).error(),
        files_->remove(gone).error(),
        files_->rename(gone, path("x")).error(),
        files_->list(gone).error(),
        files_->sync_directory(gone).error(),
        files_->free_bytes(gone).error(),
        write("gone/file", "x").error(),
        files_->lock(path("gone/lock")).error(),
    };
    for (const Error& error : errors) {
        EXPECT_EQ(error.code, ErrorCode::kNotFound) << error.message;
        EXPECT_THAT(error.message, HasSubstr(gone));
        EXPECT_THAT(error.message, HasSubstr("No such file or directory"));
    }
}

TEST_F(PosixFileSystemTest, AFileInTheWayOfADirectoryIsAnError) {
    ASSERT_TRUE(write("file", "x"));
    EXPECT_FALSE(files_->make_directories(path("file")));
    EXPECT_FALSE(files_->make_directories(path("file/below")));
    std::filesystem::create_symlink(path("nowhere"), path("dangling"));
    EXPECT_FALSE(files_->make_directories(path("dangling")));
    EXPECT_FALSE(files_->make_directories(""));
    EXPECT_FALSE(files_->file_size(directory_)) << "a directory is no file";
}

TEST_F(PosixFileSystemTest, RenameReplacesAndRemoveRemoves) {
    ASSERT_TRUE(write("from", "new"));
    ASSERT_TRUE(write("to", "old"));
    ASSERT_TRUE(files_->rename(path("from"), path("to")));
    ASSERT_TRUE(files_->sync_directory(directory_));
    EXPECT_EQ(content("to"), "new");
    EXPECT_FALSE(std::filesystem::exists(path("from")));
    ASSERT_TRUE(files_->remove(path("to")));
    EXPECT_FALSE(std::filesystem::exists(path("to")));
}

TEST_F(PosixFileSystemTest, ListsRegularFilesByName) {
    ASSERT_TRUE(write("b", "22"));
    ASSERT_TRUE(write("a", "1"));
    ASSERT_TRUE(files_->make_directories(path("directory")));
    std::filesystem::create_symlink(path("a"), path("link"));
    const auto listed = files_->list(directory_);
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->size(), 2u);
    EXPECT_EQ((*listed)[0].name, "a");
    EXPECT_EQ((*listed)[1].name, "b");
    EXPECT_EQ((*listed)[1].size_bytes, 2u);
    EXPECT_GT((*listed)[1].modified_ms, 1'700'000'000'000);
}

// A list that is short without a word would let erased words lie where they are. The name of this file is too
// long for the kernel when the directory stands before it.
TEST_F(PosixFileSystemTest, AFileThatCannotBeLookedAtIsAnErrorOfItsList) {
    const std::string below(100, 'd');
    std::string deep = directory_;
    int directory = ::open(deep.c_str(), O_RDONLY | O_DIRECTORY);
    while (deep.size() + below.size() + 1 < 4000) {
        ASSERT_EQ(::mkdirat(directory, below.c_str(), 0700), 0);
        const int next = ::openat(directory, below.c_str(), O_RDONLY | O_DIRECTORY);
        ::close(directory);
        directory = next;
        deep += "/" + below;
    }
    const auto make_file = [&](const std::string& name) {
        const int file = ::openat(directory, name.c_str(), O_WRONLY | O_CREAT, 0600);
        EXPECT_GE(file, 0);
        ::close(file);
    };
    make_file("a");
    ASSERT_EQ(files_->list(deep).value().size(), 1u) << "control: the directory itself can be listed";
    make_file(std::string(250, 'f'));
    ::close(directory);
    const auto listed = files_->list(deep);
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, ErrorCode::kIo);
}

TEST_F(PosixFileSystemTest, KnowsTheFreeSpace) { EXPECT_GT(files_->free_bytes(directory_).value(), 0u); }

// Runs `work` in a child process; true when it returned true there.
template <class Work>
bool in_another_process(const Work& work) {
    const pid_t child = fork();
    if (child == 0) _exit(work() ? 0 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(PosixFileSystemTest, TheLockIsRefusedToAnotherProcessUntilItGoes) {
    auto lock = files_->lock(path("lock"));
    ASSERT_TRUE(lock);
    const std::string holder = std::to_string(getpid());
    const auto is_refused = [&] {
        const auto second = make_posix_file_system()->lock(path("lock"));
        return !second && second.error().code == ErrorCode::kStoreInUse &&
               second.error().message.find("pid " + holder) != std::string::npos;
    };
    const auto is_given = [&] { return make_posix_file_system()->lock(path("lock")).has_value(); };
    EXPECT_TRUE(in_another_process(is_refused));
    EXPECT_TRUE(is_refused()) << "and to a second holder in this process";
    EXPECT_EQ(content("lock"), holder + "\n") << "a refusal changes nothing";
    lock->reset();
    EXPECT_TRUE(in_another_process(is_given)) << "control: it is free again";
}

TEST_F(PosixFileSystemTest, TheHoldersPidReplacesALongerOne) {
    ASSERT_TRUE(write("lock", "99999999999999999999\nmore"));
    const auto lock = files_->lock(path("lock"));
    ASSERT_TRUE(lock);
    EXPECT_EQ(content("lock"), std::to_string(getpid()) + "\n");
}

// The file is read by whoever is refused; it may say anything.
TEST_F(PosixFileSystemTest, WhatTheLockFileSaysIsNotEchoedUnlessItIsAPid) {
    const auto lock = files_->lock(path("lock"));
    ASSERT_TRUE(lock);
    const auto message_when_it_says = [&](const std::string& said) {
        std::ofstream(path("lock"), std::ios::binary) << said;
        const auto second = files_->lock(path("lock"));
        return second ? "not refused" : second.error().message;
    };
    EXPECT_THAT(message_when_it_says("4711\n"), HasSubstr("(pid 4711)")) << "control";
    for (const std::string& said :
         {std::string(), std::string("\n4711"), std::string("\x1b[2J"), std::string("47\r11\n"),
          std::string("1\0002", 3), std::string("\xff\xfe"), std::string("no pid"),
          std::string(10000, '1')}) {
        EXPECT_THAT(message_when_it_says(said), HasSubstr("(pid unknown)"));
    }
}

TEST_F(PosixFileSystemTest, AProgramStartedByTheHolderDoesNotKeepTheLock) {
    auto lock = files_->lock(path("lock"));
    ASSERT_TRUE(lock);
    const pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exec sleep 30", nullptr);
        _exit(127);
    }
    // Until exec the child shares the descriptor; after it, letting go here must be enough.
    lock->reset();
    bool given = false;
    for (int i = 0; i < 500 && !given; ++i) {
        given = files_->lock(path("lock")).has_value();
        if (!given) usleep(10'000);
    }
    EXPECT_TRUE(given);
    EXPECT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "the child still runs";
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace kvasir::test
