// Runs the real program and looks at what comes out. Each Home is a store of its own, removed with the
// object.
#pragma once

#include <string>
#include <vector>

namespace kvasir::test {

struct Outcome {
    int exit_code = -1;
    std::string out;
    std::string err;
};

// arguments: without the program's name. input: its standard input. environment: "NAME=value", added to a
// small base one.
Outcome run_program(const std::vector<std::string>& arguments, const std::string& input = {},
                    const std::vector<std::string>& environment = {});

class Home {
  public:
    Home();
    ~Home();
    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;
    const std::string& path() const { return path_; }

    // The program on this store.
    Outcome run(std::vector<std::string> arguments, const std::string& input = {}) const;

  private:
    std::string path_;
};

// What bad input gets: this exit code and one line on stderr that holds `part`.
void expect_one_sentence(const Outcome& outcome, int exit_code, const std::string& part);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

}  // namespace kvasir::test
