// `kvasir serve` as a process of its own, on a store. Ended with the object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kvasir::test {

class Serving {
  public:
    // Waits until it serves, or has ended. arguments: after `serve --home HOME --port 0 --disk-free-min 1`.
    explicit Serving(const std::string& home, const std::vector<std::string>& arguments = {});
    ~Serving();
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

    bool serves() const { return port_ != 0; }
    std::uint16_t port() const { return port_; }
    void signal(int signal) const;
    // Sends the signal and waits for the end; the exit code, or 1000 + the signal that ended it.
    int end(int signal);
    std::string out() const;
    std::string err() const;

  private:
    void await_port();

    pid_t child_ = -1;
    std::uint16_t port_ = 0;
    std::string folder_;  // of its output
};

}  // namespace kvasir::test
