// Response objects and their output.
#include "api/answer_json.h"
#include "api/json_text.h"
#include "api/openai_response_json.h"
#include "api/openai_responses.h"

namespace kvasir {

namespace json = boost::json;

namespace {

const char* name_of(ResponseStatus status) {
    switch (status) {
        case ResponseStatus::kInProgress:
            return "in_progress";
        case ResponseStatus::kCompleted:
            return "completed";
        case ResponseStatus::kIncomplete:
            return "incomplete";
        case ResponseStatus::kCancelled:
            return "cancelled";
        case ResponseStatus::kFailed:
            return "failed";
    }
    return "failed";
}

json::object usage_json(const Usage& usage) {
    return {{"input_tokens", usage.prompt_tokens},
            {"input_tokens_details",
             {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", usage.cache_write_tokens}}},
            {"output_tokens", usage.completion_tokens},
            {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
            {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

const char* id_prefix(ResponseOutput::Kind kind) {
    switch (kind) {
        case ResponseOutput::Kind::kReasoning:
            return "rs_";
        case ResponseOutput::Kind::kMessage:
            return "msg_";
        case ResponseOutput::Kind::kCall:
            return "fc_";
    }
    return "msg_";
}

json::value sealed_text(const std::string& text, SealedReasoning sealed) {
    if (sealed == SealedReasoning::kNo) return nullptr;
    return json::value(std::string(kReasoningMark) + text);
}

}  // namespace

json::array response_logprobs_json(const std::vector<AnswerLogprob>& logprobs) {
    json::array list;
    for (const AnswerLogprob& token : logprobs) {
        const auto one = [](const std::string& text, float logprob) {
            json::array bytes;
            for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
            return json::object{{"token", replace_invalid_utf8(text)},
                                {"logprob", finite_logprob(logprob)},
                                {"bytes", std::move(bytes)}};
        };
        json::object entry = one(token.text, token.logprob);
        json::array top;
        for (const auto& [text, logprob] : token.top) top.push_back(one(text, logprob));
        entry["top_logprobs"] = std::move(top);
        list.push_back(std::move(entry));
    }
    return list;
}

ResponseOutput::ResponseOutput(std::string_view response_id)
    : seed_(response_id.substr(response_id.find('_') + 1)) {}

ResponseOutput::Item& ResponseOutput::open(Kind kind) {
    Item item;
    item.kind = kind;
    item.id = id_prefix(kind) + seed_ + "o" + std::to_string(items_.size());
    items_.push_back(std::move(item));
    return items_.back();
}

ResponseOutput ResponseOutput::of(std::string_view response_id, const ChatMessage& message,
                                  std::vector<AnswerLogprob> logprobs) {
    ResponseOutput output(response_id);
    if (!message.reasoning.empty()) output.open(Kind::kReasoning).text = message.reasoning;
    if (!message.content.empty() || message.tool_calls.empty()) {
        Item& item = output.open(Kind::kMessage);
        item.text = message.content;
        item.logprobs = std::move(logprobs);
    }
    for (const ToolCall& call : message.tool_calls) {
        Item& item = output.open(Kind::kCall);
        item.text = call.arguments;
        item.call_id = call.id;
        item.name = call.name;
    }
    return output;
}

json::object output_item_json(const ResponseOutput::Item& item, std::string_view status,
                              SealedReasoning sealed) {
    switch (item.kind) {
        case ResponseOutput::Kind::kReasoning: {
            json::array content;
            if (!item.text.empty()) content.push_back({{"type", "reasoning_text"}, {"text", item.text}});
            return {{"id", item.id},
                    {"type", "reasoning"},
                    {"summary", json::array()},
                    {"content", std::move(content)},
                    {"encrypted_content", sealed_text(item.text, sealed)},
                    {"status", status}};
        }
        case ResponseOutput::Kind::kMessage: {
            json::array content;
            if (status != "in_progress") {
                content.push_back({{"type", "output_text"},
                                   {"text", item.text},
                                   {"annotations", json::array()},
                                   {"logprobs", response_logprobs_json(item.logprobs)}});
            }
            return {{"id", item.id},
                    {"type", "message"},
                    {"status", status},
                    {"role", "assistant"},
                    {"content", std::move(content)}};
        }
        case ResponseOutput::Kind::kCall:
            break;
    }
    return {{"id", item.id},           {"type", "function_call"}, {"status", status},
            {"call_id", item.call_id}, {"name", item.name},       {"arguments", item.text}};
}

json::array ResponseOutput::json(ResponseStatus status, SealedReasoning sealed) const {
    json::array list;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const bool cut = i + 1 == items_.size() && status != ResponseStatus::kCompleted;
        list.push_back(output_item_json(items_[i], cut ? "incomplete" : "completed", sealed));
    }
    return list;
}

ResponseStatus response_status(FinishReason reason) {
    if (reason == FinishReason::kLength) return ResponseStatus::kIncomplete;
    return reason == FinishReason::kCancelled ? ResponseStatus::kCancelled : ResponseStatus::kCompleted;
}

json::object response_json(const ResponseHead& head, ResponseStatus status, json::array output,
                           const ChatAnswer* answer) {
    json::object out{{"id", head.id},
                     {"object", "response"},
                     {"created_at", head.created_unix_s},
                     {"completed_at", nullptr},
                     {"status", name_of(status)},
                     {"error", nullptr},
                     {"incomplete_details", nullptr},
                     {"model", head.model},
                     {"output", std::move(output)}};
    if (status == ResponseStatus::kIncomplete)
        out["incomplete_details"] = json::object{{"reason", "max_output_tokens"}};
    for (const auto& field : head.echo) out[field.key()] = field.value();
    out["usage"] = nullptr;
    if (answer == nullptr) return out;
    if (status == ResponseStatus::kCompleted) out["completed_at"] = answer->completed_unix_s;
    out["usage"] = usage_json(answer->usage);
    out["kvasir"] = memory_json(answer->memory);
    return out;
}

}  // namespace kvasir
