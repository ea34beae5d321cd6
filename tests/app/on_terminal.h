// The real program behind a pseudo-terminal. One test's.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace kvasir::test {

inline constexpr int kTerminalWaitMs = 60'000;

// Typed text goes in, everything it shows comes out.
class OnTerminal {
  public:
    explicit OnTerminal(std::vector<std::string> arguments);
    ~OnTerminal();
    OnTerminal(const OnTerminal&) = delete;
    OnTerminal& operator=(const OnTerminal&) = delete;

    void type(const std::string& text);
    // Reads until `text` was shown (after what was waited for before); false after wait_ms.
    bool shows(const std::string& text, int wait_ms = kTerminalWaitMs);
    int exit_code();
    const std::string& shown() const { return shown_; }

  private:
    pid_t child_ = -1;
    int terminal_ = -1;
    std::string shown_;
    std::size_t read_to_ = 0;
};

}  // namespace kvasir::test
