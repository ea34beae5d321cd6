// Ctrl-C: the handler only sets a flag, which the generation loop looks at before every token.
#pragma once

#include <atomic>

namespace kvasir {

// While one lives, SIGINT sets the flag instead of ending the process; the former handler returns afterwards.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    static std::atomic<bool>& flag();
};

}  // namespace kvasir
