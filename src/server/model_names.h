// Which of the server's models a request means. Any thread.
#pragma once

#include <optional>
#include <string>

#include "api/api_error.h"
#include "server/server_context.h"

namespace kvasir {

// By name or alias. One that serves a single model takes any name for it; nothing named is nobody's choice:
// the agent's own, of a new agent the first. 404 when there is none of that name.
ApiResult<std::optional<ModelIndex>> find_model(const ServerContext& context, const std::string& asked);

// The model's name as it is told: as asked for, or ours.
std::string model_shown(const ServerContext& context, const std::string& asked);

}  // namespace kvasir
