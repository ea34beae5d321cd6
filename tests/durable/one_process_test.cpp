// One process per store: a second one, a lock that a dead one left, a child that was forked, a holder that
// sleeps.
#include <csignal>
#include <iostream>

#include "durable/script.h"
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvasir::test {
namespace {

constexpr int kOpened = 0;
constexpr int kRefused = 4;
constexpr int kOther = 9;

NodeOptions options_on(const std::string& root) {
    NodeOptions options;
    options.root = root;
    options.engine = durable_engine(false);
    return options;
}

int try_to_open(const std::string& root) {
    const auto node = Node::open(options_on(root));
    if (node) return kOpened;
    const bool one_sentence = node.error().message.find("held by another process") != std::string::npos &&
                              node.error().message.find('\n') == std::string::npos;
    return node.error().code == ErrorCode::kStoreInUse && one_sentence ? kRefused : kOther;
}

int in_a_child(const std::function<int()>& run) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(run());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Holds the store until it is killed.
class Holder {
  public:
    explicit Holder(const std::string& root) {
        int ends[2];
        if (::pipe(ends) != 0) throw std::runtime_error("pipe");
        child_ = ::fork();
        if (child_ == 0) {
            const auto node = Node::open(options_on(root));
            const char byte = node ? '1' : '0';
            if (::write(ends[1], &byte, 1) != 1) ::_exit(1);
            ::pause();
            ::_exit(0);
        }
        ::close(ends[1]);
        char byte = 0;
        holds_ = ::read(ends[0], &byte, 1) == 1 && byte == '1';
        ::close(ends[0]);
    }
    ~Holder() { kill(); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    bool holds() const { return holds_; }
    void stop() const { ::kill(child_, SIGSTOP); }
    void kill() {
        if (child_ <= 0) return;
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        child_ = -1;
    }

  private:
    pid_t child_ = -1;
    bool holds_ = false;
};

void expect_refused(int attempts) {
    Scratch scratch;
    const std::string root = scratch.fresh();
    Holder holder(root);
    ASSERT_TRUE(holder.holds());
    int refused = 0;
    for (int i = 0; i < attempts; ++i) {
        if (i == attempts / 2) holder.stop();  // asleep, as a laptop's process: still its store
        refused += in_a_child([&] { return try_to_open(root); }) == kRefused ? 1 : 0;
    }
    EXPECT_EQ(refused, attempts);
    holder.kill();
    EXPECT_EQ(in_a_child([&] { return try_to_open(root); }), kOpened)
        << "the lock of a dead process is stale";
    std::cout << "[ figure   ] two processes: " << refused << " of " << attempts
              << " attempts refused with one sentence, half of them while the holder slept; opened once it "
                 "was dead\n";
}

TEST(OneProcessTest, ASecondOneIsRefused) { expect_refused(20); }
TEST(SoakOneProcessTest, ASecondOneIsRefused) { expect_refused(1'000); }

TEST(OneProcessTest, AForkedChildIsRefusedToo) {
    Scratch scratch;
    const std::string root = scratch.fresh();
    const auto node = Node::open(options_on(root));
    ASSERT_TRUE(node);
    EXPECT_EQ(in_a_child([&] { return try_to_open(root); }), kRefused);
    ASSERT_TRUE((*node)->memory().create("ada", "t", "")) << "and the parent goes on";
    ASSERT_TRUE((*node)->say("ada", "hello"));
}

// A program that is started by the holder does not keep the store.
TEST(OneProcessTest, AStartedProgramDoesNotInheritTheLock) {
    Scratch scratch;
    const std::string root = scratch.fresh();
    pid_t started = -1;
    {
        const auto node = Node::open(options_on(root));
        ASSERT_TRUE(node);
        started = ::fork();
        if (started == 0) {
            ::execlp("sleep", "sleep", "30", static_cast<char*>(nullptr));
            ::_exit(1);
        }
        ::usleep(100'000);
    }
    EXPECT_EQ(in_a_child([&] { return try_to_open(root); }), kOpened);
    ::kill(started, SIGKILL);
    ::waitpid(started, nullptr, 0);
}

TEST(OneProcessTest, ALockFileThatNobodyHoldsIsNoObstacle) {
    Scratch scratch;
    const std::string root = scratch.fresh();
    EXPECT_EQ(in_a_child([&] { return try_to_open(root); }), kOpened);
    EXPECT_EQ(in_a_child([&] { return try_to_open(root); }), kOpened)
        << "the file of the first is still there";
}

}  // namespace
}  // namespace kvasir::test
