// `kvasir chat` on a terminal: line editing and history (libedit), commands beginning with a slash.
#pragma once

#include <string>

#include "app/agent_service.h"
#include "app/config.h"
#include "app/exit_code.h"
#include "base/result.h"

namespace kvasir {

// Returns when the user leaves (Ctrl-D, /quit). Errors of single turns are printed and the conversation goes
// on.
Result<ExitCode> run_repl(const Config& config, AgentService& agents, const std::string& agent);

}  // namespace kvasir
