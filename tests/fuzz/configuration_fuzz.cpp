// The configuration file, through the parser and the options of the program.
#include <string>

#include "fuzz/fuzz_target.h"
#include <CLI/CLI.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config_options.h"

namespace kvasir::fuzz {

Outcome run_target(Input input) {
    static const int kFile = ::memfd_create("config", 0);
    require(::ftruncate(kFile, 0) == 0 && ::pwrite(kFile, input.data(), input.size(), 0) >= 0,
            "a file in memory is written");
    Config config;
    CLI::App app("fuzz", "kvasir");
    add_config_options(app, config);
    try {
        app.parse(std::vector<std::string>{"/proc/self/fd/" + std::to_string(kFile),
                                           "--config"});  // reversed, as it is taken
    } catch (const CLI::ParseError& error) {
        require(std::string_view(error.what()) != "", "a file that is refused is told why");
        return Outcome::kRefused;
    }
    require(config.agents_resident_max > 0 && config.agents_resident_max < kAgentsResidentMax,
            "agents are within their range");
    require(config.threads <= 1024 && config.temperature >= 0 && config.temperature <= 10,
            "numbers are within their range");
    // The seeds that files of the corpus set.
    return config.seed == Config().seed || config.seed == 7 ? Outcome::kAccepted : Outcome::kRare;
}

}  // namespace kvasir::fuzz
