#include "api/answer_json.h"

#include <algorithm>
#include <cmath>

namespace kvasir {

namespace json = boost::json;

json::object memory_json(const MemoryNote& note) {
    json::object memory{{"source", note.source},
                        {"restore_ms", note.restore_ms},
                        {"prefill_ms", note.prefill_ms},
                        {"evaluated_tokens", note.evaluated_tokens},
                        {"not_reused_reason", nullptr},
                        {"agent", nullptr},
                        {"turn", note.turn},
                        {"durable", note.durable}};
    if (!note.not_reused_reason.empty()) memory["not_reused_reason"] = note.not_reused_reason;
    if (!note.changed_field.empty()) memory["changed_field"] = note.changed_field;
    if (!note.agent.empty()) memory["agent"] = note.agent;
    if (!note.notes.empty()) memory["notes"] = json::array(note.notes.begin(), note.notes.end());
    return memory;
}

json::object openai_usage_json(const Usage& usage) {
    return {{"prompt_tokens", usage.prompt_tokens},
            {"completion_tokens", usage.completion_tokens},
            {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
            {"prompt_tokens_details",
             {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", usage.cache_write_tokens}}},
            {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}}};
}

// input_tokens are those that came neither from the cache nor went into it.
json::object anthropic_usage_json(const Usage& usage) {
    const std::uint64_t cached = std::min(usage.cached_tokens, usage.prompt_tokens);
    const std::uint64_t written = std::min(usage.cache_write_tokens, usage.prompt_tokens - cached);
    return {{"input_tokens", usage.prompt_tokens - cached - written},
            {"cache_read_input_tokens", cached},
            {"cache_creation_input_tokens", written},
            {"output_tokens", usage.completion_tokens},
            {"output_tokens_details", {{"thinking_tokens", usage.reasoning_tokens}}}};
}

const char* openai_finish_reason(FinishReason reason) {
    switch (reason) {
        case FinishReason::kStop:
        case FinishReason::kStopSequence:
            return "stop";
        case FinishReason::kLength:
        case FinishReason::kCancelled:  // cut off: whoever relies on a whole answer must see it
            return "length";
        case FinishReason::kToolCalls:
            return "tool_calls";
    }
    return "stop";
}

double finite_logprob(float logprob) {
    constexpr double kImpossible = -9999.0;
    return std::isfinite(logprob) ? static_cast<double>(logprob) : kImpossible;
}

std::string sse_event(std::string_view json_text) { return "data: " + std::string(json_text) + "\n\n"; }

std::string sse_event(std::string_view name, std::string_view json_text) {
    return "event: " + std::string(name) + "\n" + sse_event(json_text);
}

}  // namespace kvasir
