// Ctrl-C: the handler only sets a flag, which the generation loop looks at before every token.
#pragma once

#include <atomic>
#include <csignal>

namespace kvasir {

// While one lives, SIGINT sets the flag instead of ending the process; the former handler returns afterwards.
// They nest; each starts with a clear flag.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    static std::atomic<bool>& flag();
    // Readable once the flag is set: for whoever waits in poll(), where a flag alone would be seen too late.
    static int wake_fd();

  private:
    struct sigaction former_ {};
};

}  // namespace kvasir
