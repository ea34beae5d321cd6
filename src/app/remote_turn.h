// One message to an agent of a running server, its answer streamed. The caller's thread; blocks.
#pragma once

#include <string>

#include "base/result.h"
#include "memory/agent_memory.h"

namespace kvasir {

// The result's durability is not known here. kCancelled: options.cancelled was set, the connection is closed,
// and the server keeps what was said by then.
Result<TurnResult> remote_turn(const std::string& socket_path, const std::string& agent,
                               const std::string& text, const MessageOptions& options);

}  // namespace kvasir
