#include "app/serving.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/program.h"

namespace kvasir::test {

namespace {

constexpr std::chrono::seconds kStartMax{120};

}  // namespace

Serving::Serving(const std::string& home, const std::vector<std::string>& arguments) {
    folder_ = testing::TempDir() + "kvasir-serve-XXXXXX";
    if (::mkdtemp(folder_.data()) == nullptr) return;
    std::vector<std::string> all = {KVASIR_PROGRAM, "serve", "--home",          home,
                                    "--port",       "0",     "--disk-free-min", "1"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    child_ = ::fork();
    if (child_ == 0) {
        std::vector<char*> pointers;
        for (std::string& argument : all) pointers.push_back(argument.data());
        pointers.push_back(nullptr);
        if (std::freopen((folder_ + "/out").c_str(), "w", stdout) == nullptr ||
            std::freopen((folder_ + "/err").c_str(), "w", stderr) == nullptr)
            ::_exit(126);
        ::execv(pointers.front(), pointers.data());
        ::_exit(127);
    }
    await_port();
}

Serving::~Serving() {
    if (child_ > 0) end(SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

// The lines about it come at once, when it listens.
void Serving::await_port() {
    const auto deadline = std::chrono::steady_clock::now() + kStartMax;
    while (std::chrono::steady_clock::now() < deadline) {
        const std::string told = out();
        const std::size_t at = told.find("http://127.0.0.1:");
        if (at != std::string::npos && told.find("/docs\n") != std::string::npos) {
            port_ = static_cast<std::uint16_t>(std::stoi(told.substr(at + 17)));
            return;
        }
        if (::waitpid(child_, nullptr, WNOHANG) == child_) {
            child_ = -1;
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

void Serving::signal(int signal) const { ::kill(child_, signal); }

int Serving::end(int signal) {
    ::kill(child_, signal);
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

std::string Serving::out() const { return read_file(folder_ + "/out"); }
std::string Serving::err() const { return read_file(folder_ + "/err"); }

}  // namespace kvasir::test
