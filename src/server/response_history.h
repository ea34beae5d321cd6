// What a request for a response goes on from: a response that is stored, a conversation, items that it refers
// to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/openai_responses.h"
#include "memory/agent_memory.h"

namespace kvasir {

struct ResponseHistory {
    std::vector<ChatMessage> messages;
    std::optional<TurnId> follows;
    std::string agent;  // whose it is; "" nobody's
};

// Whether the request names something that must be looked up.
bool needs_history(const ResponsesRequest& request);

// Engine thread. References in request.input are replaced by what they refer to.
ApiResult<ResponseHistory> find_history(AgentMemory& memory, ResponsesRequest& request);

// instructions, history, input; the first `instruction_messages` are the instructions.
struct ResponseMessages {
    std::vector<ChatMessage> messages;
    std::size_t instruction_messages = 0;
};
ApiResult<ResponseMessages> messages_of(ResponsesRequest& request, const ResponseHistory& history);

// Items of a conversation, oldest first.
Result<boost::json::array> conversation_items(AgentMemory& memory, const std::string& id);

}  // namespace kvasir
