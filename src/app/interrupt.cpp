#include "app/interrupt.h"

#include <csignal>

namespace kvasir {

namespace {

struct sigaction former_action;

void on_interrupt(int /*signal*/) { InterruptGuard::flag().store(true); }

}  // namespace

std::atomic<bool>& InterruptGuard::flag() {
    static std::atomic<bool> interrupted{false};
    static_assert(std::atomic<bool>::is_always_lock_free,
                  "a signal handler may only touch lock-free atomics");
    return interrupted;
}

InterruptGuard::InterruptGuard() {
    flag().store(false);
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &former_action);
}

InterruptGuard::~InterruptGuard() { ::sigaction(SIGINT, &former_action, nullptr); }

}  // namespace kvasir
