// From a request of a compatible protocol to a turn. Pure functions, any thread.
#pragma once

#include "api/chat_request.h"
#include "memory/turn_request.h"
#include "server/server_context.h"
#include "server/speaker.h"

namespace kvasir {

TurnRequest turn_request(const ServerContext& context, ChatRequest&& chat, const Speaker& speaker);
TurnRequest turn_request(const ServerContext& context, CompletionRequest&& sent, const Speaker& speaker);

}  // namespace kvasir
