// Real media that are full or read-only, not simulated ones: a small tmpfs for each test. The mounts are in a
// name space of the test's process and end with it.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "app/program.h"

#if defined(__linux__)

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

namespace kvasir::test {
namespace {

constexpr std::uintmax_t kReserveBytes = 64'000'000;

class RealMedia : public testing::Test {
  protected:
    void SetUp() override {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            !mount_medium(0)) {
            GTEST_SKIP() << "mounting a tmpfs is not permitted here: " << std::strerror(errno);
        }
    }
    void TearDown() override { ::umount2(place_.path().c_str(), MNT_DETACH); }

    std::string store() const { return place_.path() + "/store"; }

    Outcome run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"--home", store()});
        return run_program(arguments);
    }
    Outcome create() const { return run({"agents", "create", "vera", "--system", "You are Vera."}); }
    Outcome tell() const { return run({"chat", "vera", "Remember that the owner of the archive is Nora."}); }
    void expect_it_remembers() const {
        const Outcome asked = run({"chat", "vera", "What is the owner of the archive?"});
        EXPECT_EQ(asked.exit_code, 0) << asked.err;
        EXPECT_NE(asked.out.find("Nora"), std::string::npos) << asked.out << asked.err;
    }

    bool mount_medium(unsigned long flags, const std::string& limits = "size=96m") const {
        return ::mount("kvasir-test", place_.path().c_str(), "tmpfs", flags, limits.c_str()) == 0;
    }
    std::uint64_t free_bytes() const {
        struct statvfs info {};
        if (::statvfs(place_.path().c_str(), &info) != 0) return 0;
        return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    }
    // Other data takes all space but that much.
    void fill_but(std::uint64_t bytes) {
        const std::string path = place_.path() + "/other-data-" + std::to_string(++fillings_);
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ASSERT_GE(file, 0);
        const std::uint64_t wanted = free_bytes() - bytes;
        EXPECT_EQ(::posix_fallocate(file, 0, static_cast<off_t>(wanted)), 0);
        ::close(file);
        EXPECT_LT(free_bytes(), bytes + 65'536);
    }
    void remove_fillings() {
        for (; fillings_ > 0; --fillings_)
            std::filesystem::remove(place_.path() + "/other-data-" + std::to_string(fillings_));
    }

  private:
    const Home place_;  // its path is where the medium is mounted
    int fillings_ = 0;
};

TEST_F(RealMedia, NoSpaceAtAllAtTheFirstStart) {
    fill_but(0);
    expect_one_sentence(create(), 7, "the disk is full");
    expect_one_sentence(tell(), 7, store());
    remove_fillings();
    EXPECT_EQ(create().exit_code, 0);
    EXPECT_EQ(tell().exit_code, 0);
    expect_it_remembers();
}

TEST_F(RealMedia, TooLittleSpaceForTheReserveAtTheFirstStart) {
    fill_but(20'000'000);
    expect_one_sentence(create(), 7, "needs 64.0 MB");
    remove_fillings();
    EXPECT_EQ(create().exit_code, 0);
    EXPECT_EQ(tell().exit_code, 0);
    expect_it_remembers();
}

TEST_F(RealMedia, NoInodesAtTheFirstStart) {
    ASSERT_TRUE(mount_medium(MS_REMOUNT, "size=96m,nr_inodes=100"));
    expect_one_sentence(create(), 7, "No space left");
    ASSERT_TRUE(mount_medium(MS_REMOUNT, "size=96m,nr_inodes=10000"));
    EXPECT_EQ(create().exit_code, 0);
    EXPECT_EQ(tell().exit_code, 0);
    expect_it_remembers();
}

TEST_F(RealMedia, BecomesFullInUse) {
    ASSERT_EQ(create().exit_code, 0);
    fill_but(0);
    const Outcome told = tell();  // the reserve is given up for it
    expect_one_sentence(told, 0, "is read again when needed");
    EXPECT_FALSE(std::filesystem::exists(store() + "/reserve"));

    fill_but(0);
    const Outcome shown = run({"agents", "show", "vera", "--json"});
    EXPECT_EQ(shown.exit_code, 0) << "what is there can still be read: " << shown.err;
    const Outcome refused = run({"chat", "vera", "Remember that the owner of the archive is Otto."});
    expect_one_sentence(refused, 7, "nothing old is lost");
    EXPECT_EQ(refused.out, "");
    expect_one_sentence(run({"agents", "create", "otto", "--system", "You are Otto."}), 7, "full");
    EXPECT_EQ(run({"agents", "show", "vera", "--json"}).out, shown.out) << "a refused turn leaves no trace";

    remove_fillings();
    expect_it_remembers();
    EXPECT_EQ(std::filesystem::file_size(store() + "/reserve"), kReserveBytes) << "it comes back by itself";
}

// Who has no space can make some.
TEST_F(RealMedia, AnAgentCanBeRemovedFromAFullDisk) {
    ASSERT_EQ(create().exit_code, 0);
    ASSERT_EQ(tell().exit_code, 0);
    fill_but(0);
    const Outcome removed = run({"agents", "rm", "vera"});
    EXPECT_EQ(removed.exit_code, 0) << removed.err;
    expect_one_sentence(run({"agents", "show", "vera"}), 3, "vera");
}

TEST_F(RealMedia, BecomesReadOnly) {
    ASSERT_EQ(create().exit_code, 0);
    ASSERT_EQ(tell().exit_code, 0);
    ASSERT_TRUE(mount_medium(MS_REMOUNT | MS_RDONLY));
    expect_one_sentence(run({"agents", "ls"}), 1, "read-only");
    expect_one_sentence(tell(), 1, store());
    ASSERT_TRUE(mount_medium(MS_REMOUNT));
    expect_it_remembers();
}

TEST_F(RealMedia, ReadOnlyFromTheStart) {
    ASSERT_TRUE(mount_medium(MS_REMOUNT | MS_RDONLY));
    expect_one_sentence(create(), 1, "read-only");
    EXPECT_FALSE(std::filesystem::exists(store()));
    ASSERT_TRUE(mount_medium(MS_REMOUNT));
    EXPECT_EQ(create().exit_code, 0);
}

}  // namespace
}  // namespace kvasir::test

#endif
