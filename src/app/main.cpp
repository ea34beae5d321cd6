// The program. What it can do stands in cli.cpp's table; each command is a file cmd_*.cpp; what agents
// remember is memory/agent_memory.h. docs/architecture.md is the map.
#include "app/cli.h"

int main(int argc, char** argv) { return kvasir::run_command_line(argc, argv); }
