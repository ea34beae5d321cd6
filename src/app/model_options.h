// The options of commands that are about models: of `serve` with several, and of `pull`. Called once, by
// main.
#pragma once

#include "app/commands.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace kvasir {

// The arguments must outlive the parsing.
void add_models_options(CLI::App& serve, ServeArguments& arguments);
void add_pull_options(CLI::App& pull, PullArguments& arguments);

}  // namespace kvasir
