// The command line: options, environment, configuration file, commands. The option table here is the only
// one.
#pragma once

namespace kvasir {

// Parses, runs the command, prints its error if it fails. Returns the process's exit code.
int run_command_line(int argc, char** argv);

}  // namespace kvasir
