// Answers of chat completions, whole and as a stream.
#include <span>

#include "api/answer_json.h"
#include "api/json_text.h"
#include "api/openai_chat.h"

namespace kvasir {

namespace json = boost::json;

namespace {

json::array bytes_json(std::string_view text) {
    json::array bytes;
    for (const char character : text) bytes.push_back(static_cast<unsigned char>(character));
    return bytes;
}

json::object token_json(const std::string& text, float logprob) {
    return {{"token", replace_invalid_utf8(text)},
            {"logprob", finite_logprob(logprob)},
            {"bytes", bytes_json(text)}};
}

json::value logprobs_json(std::span<const AnswerLogprob> logprobs) {
    if (logprobs.empty()) return nullptr;
    json::array content;
    for (const AnswerLogprob& token : logprobs) {
        json::object entry = token_json(token.text, token.logprob);
        json::array top;
        for (const auto& [text, logprob] : token.top) top.push_back(token_json(text, logprob));
        entry["top_logprobs"] = std::move(top);
        content.push_back(std::move(entry));
    }
    return json::object{{"content", std::move(content)}, {"refusal", nullptr}};
}

json::object message_json(const ChatMessage& message) {
    json::object out{{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
    if (!message.content.empty() || message.tool_calls.empty()) out["content"] = message.content;
    if (!message.reasoning.empty()) out["reasoning_content"] = message.reasoning;
    if (message.tool_calls.empty()) return out;
    json::array calls;
    for (const ToolCall& call : message.tool_calls) {
        calls.push_back({{"id", call.id},
                         {"type", "function"},
                         {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    }
    out["tool_calls"] = std::move(calls);
    return out;
}

json::object call_delta_json(const ToolCallDelta& call) {
    json::object function;
    if (!call.name.empty()) function["name"] = call.name;
    function["arguments"] = call.arguments;
    json::object out{{"index", call.index}};
    if (!call.id.empty()) out["id"] = call.id;
    if (!call.name.empty()) out["type"] = "function";
    out["function"] = std::move(function);
    return out;
}

json::object delta_json(const AnswerDelta& delta) {
    json::object out;
    if (!delta.reasoning.empty()) out["reasoning_content"] = delta.reasoning;
    if (!delta.content.empty()) out["content"] = delta.content;
    if (delta.tool_calls.empty()) return out;
    json::array calls;
    for (const ToolCallDelta& call : delta.tool_calls) calls.push_back(call_delta_json(call));
    out["tool_calls"] = std::move(calls);
    return out;
}

json::object chunk(const OpenAiStreamStart& start) {
    json::object out{{"id", start.id},
                     {"object", "chat.completion.chunk"},
                     {"created", start.created_unix_s},
                     {"model", start.model},
                     {"choices", json::array()}};
    if (start.usage_chunk == UsageChunk::kYes) out["usage"] = nullptr;
    return out;
}

json::object chunk(const OpenAiStreamStart& start, json::object delta, json::value logprobs,
                   json::value reason) {
    json::object out = chunk(start);
    out["choices"] = json::array{{{"index", 0},
                                  {"delta", std::move(delta)},
                                  {"logprobs", std::move(logprobs)},
                                  {"finish_reason", std::move(reason)}}};
    return out;
}

}  // namespace

std::string openai_chat_answer(const ChatAnswer& answer) {
    return to_json_text(
        {{"id", answer.id},
         {"object", "chat.completion"},
         {"created", answer.created_unix_s},
         {"model", answer.model},
         {"choices", json::array{{{"index", 0},
                                  {"message", message_json(answer.message)},
                                  {"logprobs", logprobs_json(answer.logprobs)},
                                  {"finish_reason", openai_finish_reason(answer.finish_reason)}}}},
         {"usage", openai_usage_json(answer.usage)},
         {"kvasir", memory_json(answer.memory)}});
}

OpenAiChatStream::OpenAiChatStream(OpenAiStreamStart start) : start_(std::move(start)) {}

std::string OpenAiChatStream::begin() const {
    return sse_event(to_json_text(chunk(start_, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr)));
}

std::string OpenAiChatStream::delta(const AnswerDelta& delta) const {
    json::object fields = delta_json(delta);
    if (fields.empty() && delta.logprobs.empty()) return {};
    return sse_event(to_json_text(chunk(start_, std::move(fields), logprobs_json(delta.logprobs), nullptr)));
}

std::string OpenAiChatStream::finish(const ChatAnswer& answer) const {
    json::object last = chunk(start_, {}, nullptr, openai_finish_reason(answer.finish_reason));
    last["kvasir"] = memory_json(answer.memory);
    std::string out = sse_event(to_json_text(last));
    if (start_.usage_chunk == UsageChunk::kYes) {
        json::object usage = chunk(start_);
        usage["usage"] = openai_usage_json(answer.usage);
        out += sse_event(to_json_text(usage));
    }
    out += kOpenAiStreamEnd;
    return out;
}

std::string OpenAiChatStream::error(const ApiError& error) const {
    return sse_event(openai_error_body(error)) + std::string(kOpenAiStreamEnd);
}

}  // namespace kvasir
