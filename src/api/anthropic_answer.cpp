// Whole answers of the messages endpoint.
#include "api/answer_json.h"
#include "api/anthropic.h"
#include "api/anthropic_json.h"
#include "api/api_limits.h"
#include "api/json_text.h"

namespace kvasir {

namespace json = boost::json;

namespace {

// The protocol wants an object. Arguments that are none (an answer cut off within them) are handed on as
// text, so that no tool runs without its arguments by mistake.
json::value tool_input(const std::string& arguments) {
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    boost::system::error_code reason;
    json::value value = json::parse(replace_invalid_utf8(arguments), reason, json::storage_ptr(), options);
    if (!reason && value.is_object()) return value;
    return json::object{{"unreadable_arguments", arguments}};
}

json::array content_json(const ChatMessage& message) {
    json::array content;
    if (!message.reasoning.empty()) {
        content.push_back(
            {{"type", "thinking"}, {"thinking", message.reasoning}, {"signature", kThinkingSignature}});
    }
    if (!message.content.empty()) content.push_back({{"type", "text"}, {"text", message.content}});
    for (const ToolCall& call : message.tool_calls) {
        content.push_back({{"type", "tool_use"},
                           {"id", call.id},
                           {"name", call.name},
                           {"input", tool_input(call.arguments)}});
    }
    return content;
}

}  // namespace

json::object anthropic_message_json(std::string_view id, std::string_view model, json::array content,
                                    const Usage& usage) {
    return {{"id", id},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model},
            {"content", std::move(content)},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr},
            {"usage", anthropic_usage_json(usage)}};
}

const char* anthropic_stop_reason(FinishReason reason) {
    switch (reason) {
        case FinishReason::kStop:
            return "end_turn";
        case FinishReason::kStopSequence:
            return "stop_sequence";
        case FinishReason::kLength:
        case FinishReason::kCancelled:  // cut off: whoever relies on a whole answer must see it
            return "max_tokens";
        case FinishReason::kToolCalls:
            return "tool_use";
    }
    return "end_turn";
}

json::value anthropic_stop_sequence(const ChatAnswer& answer) {
    if (answer.finish_reason != FinishReason::kStopSequence) return nullptr;
    return json::value(answer.stop_sequence);
}

std::string anthropic_answer(const ChatAnswer& answer) {
    json::object message =
        anthropic_message_json(answer.id, answer.model, content_json(answer.message), answer.usage);
    message["stop_reason"] = anthropic_stop_reason(answer.finish_reason);
    message["stop_sequence"] = anthropic_stop_sequence(answer);
    message["kvasir"] = memory_json(answer.memory);
    return to_json_text(message);
}

}  // namespace kvasir
