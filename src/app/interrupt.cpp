#include "app/interrupt.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace kvasir {

namespace {

struct WakePipe {
    std::array<int, 2> ends{-1, -1};
    WakePipe() {
        if (::pipe(ends.data()) != 0) return;
        for (const int end : ends) {
            ::fcntl(end, F_SETFL, O_NONBLOCK);
            ::fcntl(end, F_SETFD, FD_CLOEXEC);
        }
    }
};

const WakePipe& wake_pipe() {
    static const WakePipe pipe;
    return pipe;
}

void on_interrupt(int /*signal*/) {
    const int former_errno = errno;
    InterruptGuard::flag().store(true);
    const char byte = 0;
    // A full pipe is readable, which is all that is wanted.
    [[maybe_unused]] const ssize_t written = ::write(wake_pipe().ends[1], &byte, 1);
    errno = former_errno;
}

}  // namespace

std::atomic<bool>& InterruptGuard::flag() {
    static std::atomic<bool> interrupted{false};
    static_assert(std::atomic<bool>::is_always_lock_free,
                  "a signal handler may only touch lock-free atomics");
    return interrupted;
}

int InterruptGuard::wake_fd() { return wake_pipe().ends[0]; }

InterruptGuard::InterruptGuard() {
    flag().store(false);
    std::array<char, 64> stale{};
    // Also makes the pipe before a handler needs it.
    while (::read(wake_fd(), stale.data(), stale.size()) > 0) {
    }
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &former_);
}

InterruptGuard::~InterruptGuard() { ::sigaction(SIGINT, &former_, nullptr); }

}  // namespace kvasir
