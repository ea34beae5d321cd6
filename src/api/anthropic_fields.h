// Parts of Anthropic requests: messages and tools. Pure functions on one request's reading.
#pragma once

#include <vector>

#include "api/chat_request.h"
#include "api/json_fields.h"

namespace kvasir {

// `system` first, then `messages`; a message of several tool results becomes several.
std::vector<ChatMessage> read_anthropic_messages(const JsonFields& body);

// tools, tool_choice, output_config.format.
void read_anthropic_tools(const JsonFields& body, ChatRequest& request);

}  // namespace kvasir
