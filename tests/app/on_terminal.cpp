#include "app/on_terminal.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvasir::test {

OnTerminal::OnTerminal(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), KVASIR_PROGRAM);
    child_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (child_ != 0) return;
    ::setenv("TERM", "dumb", 1);
    ::setenv("NO_COLOR", "1", 1);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ::execv(pointers.front(), pointers.data());
    ::_exit(127);
}

OnTerminal::~OnTerminal() {
    if (child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) == 0) {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    ::close(terminal_);
}

void OnTerminal::type(const std::string& text) {
    ASSERT_EQ(::write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

bool OnTerminal::shows(const std::string& text, int wait_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
    for (;;) {
        if (const std::size_t at = shown_.find(text, read_to_); at != std::string::npos) {
            read_to_ = at + text.size();
            return true;
        }
        pollfd ready{terminal_, POLLIN, 0};
        if (std::chrono::steady_clock::now() > deadline || ::poll(&ready, 1, 200) < 0) return false;
        if ((ready.revents & POLLIN) == 0) {
            if ((ready.revents & POLLHUP) != 0) return false;
            continue;
        }
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(terminal_, buffer.data(), buffer.size());
        if (got <= 0) return false;
        shown_.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

int OnTerminal::exit_code() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace kvasir::test
