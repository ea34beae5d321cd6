// One turn on a terminal or a pipe: progress, streamed text, what memory did. Used by chat's one-shot form
// and its REPL.
#pragma once

#include <string>

#include "app/agent_service.h"
#include "app/config.h"
#include "base/result.h"

namespace kvasir {

Result<TurnResult> chat_turn(const Config& config, AgentService& agents, const std::string& agent,
                             const std::string& message);

// "1,204 prompt tokens, 1,190 from disk in 1.2 ms, ..." in one line.
std::string describe(const TurnMetrics& metrics);

}  // namespace kvasir
