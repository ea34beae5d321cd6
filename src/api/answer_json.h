// Parts of answers that several forms share. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "api/chat_answer.h"

namespace kvasir {

boost::json::object memory_json(const MemoryNote& note);  // the object `kvasir` of every answer
boost::json::object openai_usage_json(const Usage& usage);
boost::json::object anthropic_usage_json(const Usage& usage);
const char* openai_finish_reason(FinishReason reason);
double finite_logprob(
    float logprob);  // JSON has no infinity: an impossible token has the -9999 that clients know

// Server-sent events. The JSON text has no line breaks in it.
std::string sse_event(std::string_view json_text);
std::string sse_event(std::string_view name, std::string_view json_text);
inline constexpr std::string_view kOpenAiStreamEnd = "data: [DONE]\n\n";

}  // namespace kvasir
