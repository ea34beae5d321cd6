#include "app/program.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvasir::test {

namespace {

// The child's half: standard streams from and to files, then the program.
[[noreturn]] void become_program(const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& environment,
                                 const std::array<std::string, 3>& files) {
    std::vector<std::string> all = {KVASIR_PROGRAM};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = {"HOME=" + files[2] + ".home", "PATH=/usr/bin:/bin", "TZ=UTC",
                                          "KVASIR_RESTORE=always"};  // tiny models read faster than disks
    variables.insert(variables.begin(), environment.begin(), environment.end());  // the first one counts
    std::vector<char*> argument_pointers;
    for (std::string& argument : all) argument_pointers.push_back(argument.data());
    argument_pointers.push_back(nullptr);
    std::vector<char*> variable_pointers;
    for (std::string& variable : variables) variable_pointers.push_back(variable.data());
    variable_pointers.push_back(nullptr);
    if (std::freopen(files[0].c_str(), "r", stdin) == nullptr ||
        std::freopen(files[1].c_str(), "w", stdout) == nullptr ||
        std::freopen(files[2].c_str(), "w", stderr) == nullptr) {
        ::_exit(126);
    }
    ::execve(argument_pointers.front(), argument_pointers.data(), variable_pointers.data());
    ::_exit(127);
}

}  // namespace

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

Outcome run_program(const std::vector<std::string>& arguments, const std::string& input,
                    const std::vector<std::string>& environment) {
    std::string directory = testing::TempDir() + "kvasir-run-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) return {};
    const std::array<std::string, 3> files = {directory + "/in", directory + "/out", directory + "/err"};
    write_file(files[0], input);
    const pid_t child = ::fork();
    if (child == 0) become_program(arguments, environment, files);
    int status = 0;
    ::waitpid(child, &status, 0);
    Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), read_file(files[1]),
                    read_file(files[2])};
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    return outcome;
}

Home::Home() {
    path_ = testing::TempDir() + "kvasir-home-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
}

Home::~Home() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Outcome Home::run(std::vector<std::string> arguments, const std::string& input) const {
    // Small machines run these tests: the guard for nearly full disks is not what they are about.
    arguments.insert(arguments.end(), {"--home", path_, "--disk-free-min", "1"});
    return run_program(arguments, input);
}

void expect_one_sentence(const Outcome& outcome, int exit_code, const std::string& part) {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(outcome.err.rfind("kvasir: ", 0), 0U) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_LT(outcome.err.size(), 800U);
    EXPECT_TRUE(std::none_of(outcome.err.begin(), outcome.err.end(),
                             [](char c) { return c == '\x1b' || c == '\0'; }));
}

}  // namespace kvasir::test
