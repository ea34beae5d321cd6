// Parts of OpenAI requests: messages, tools, form of the answer. Pure functions on one request's reading.
#pragma once

#include <optional>
#include <vector>

#include "api/chat_request.h"
#include "api/json_fields.h"

namespace kvasir {

std::vector<ChatMessage> read_openai_messages(const JsonFields& body);

// tools, tool_choice, parallel_tool_calls, response_format. An allowed_tools choice takes the others out of
// `tools`.
void read_openai_tools(const JsonFields& body, ChatRequest& request);
// The same of the Responses protocol: flat, and tools that its own servers run are left out, and told.
void read_openai_response_tools(const JsonFields& body, ChatRequest& request);
void read_response_format(const JsonFields& body, AnswerConstraint& constraint);
// reasoning_effort, chat_template_kwargs.enable_thinking, thinking.
Thinking read_openai_thinking(const JsonFields& body);
UsageChunk read_usage_chunk(const JsonFields& body);

// Of chat and completions alike: what asks for another answer than one that we can give.
void refuse_unsupported_generation(const JsonFields& body);

}  // namespace kvasir
