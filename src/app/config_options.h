// The options of every command, as flags, environment and keys of the configuration file. Called once, by
// main.
#pragma once

#include "app/config.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace kvasir {

// Flags keep llama-server's names where they mean the same. Every long flag is a key of the configuration
// file; a key that is none is an error. `config` must outlive the parsing.
void add_config_options(CLI::App& app, Config& config);

}  // namespace kvasir
