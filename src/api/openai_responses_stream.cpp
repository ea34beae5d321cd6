// An answer as the events of the Responses protocol. Items come one after the other: each is opened, grows,
// and is closed before the next one; strict clients check that.
#include "api/answer_json.h"
#include "api/json_text.h"
#include "api/openai_response_json.h"
#include "api/openai_responses.h"

namespace kvasir {

namespace json = boost::json;

namespace {

using Kind = ResponseOutput::Kind;

json::object text_part(const ResponseOutput::Item& item, std::string_view text) {
    if (item.kind == Kind::kReasoning) return {{"type", "reasoning_text"}, {"text", text}};
    return {{"type", "output_text"},
            {"text", text},
            {"annotations", json::array()},
            {"logprobs", text.empty() ? json::array() : response_logprobs_json(item.logprobs)}};
}

const char* text_event(Kind kind, bool done) {
    if (kind == Kind::kReasoning)
        return done ? "response.reasoning_text.done" : "response.reasoning_text.delta";
    return done ? "response.output_text.done" : "response.output_text.delta";
}

}  // namespace

OpenAiResponsesStream::OpenAiResponsesStream(ResponseHead head) : head_(std::move(head)), output_(head_.id) {}

std::string OpenAiResponsesStream::event(std::string_view type, json::object fields) {
    json::object out{{"type", type}, {"sequence_number", sequence_++}};
    for (auto& field : fields) out[field.key()] = std::move(field.value());
    return sse_event(type, to_json_text(out));
}

std::string OpenAiResponsesStream::begin() {
    const json::object response = response_json(head_, ResponseStatus::kInProgress, {}, nullptr);
    // One after the other: each takes the next number.
    std::string out = event("response.created", {{"response", response}});
    out += event("response.in_progress", {{"response", response}});
    return out;
}

std::string OpenAiResponsesStream::open_item(Kind kind, const ToolCallDelta* call) {
    std::string out = close_item("completed");
    ResponseOutput::Item& item = output_.open(kind);
    open_ = true;
    if (call != nullptr) {
        item.call_id = call->id;
        item.name = call->name;
        open_call_ = call->index;
    }
    const std::size_t index = output_.items().size() - 1;
    out += event(
        "response.output_item.added",
        {{"output_index", index}, {"item", output_item_json(item, "in_progress", SealedReasoning::kNo)}});
    if (kind == Kind::kCall) return out;
    return out + event("response.content_part.added", {{"item_id", item.id},
                                                       {"output_index", index},
                                                       {"content_index", 0},
                                                       {"part", text_part(item, "")}});
}

std::string OpenAiResponsesStream::close_item(std::string_view status) {
    if (!open_) return {};
    open_ = false;
    const ResponseOutput::Item& item = output_.items().back();
    const std::size_t index = output_.items().size() - 1;
    std::string out;
    if (item.kind == Kind::kCall) {
        out = event(
            "response.function_call_arguments.done",
            {{"item_id", item.id}, {"output_index", index}, {"name", item.name}, {"arguments", item.text}});
    } else {
        json::object done{
            {"item_id", item.id}, {"output_index", index}, {"content_index", 0}, {"text", item.text}};
        if (item.kind == Kind::kMessage) done["logprobs"] = response_logprobs_json(item.logprobs);
        out = event(text_event(item.kind, true), std::move(done));
        out += event("response.content_part.done", {{"item_id", item.id},
                                                    {"output_index", index},
                                                    {"content_index", 0},
                                                    {"part", text_part(item, item.text)}});
    }
    return out + event("response.output_item.done",
                       {{"output_index", index}, {"item", output_item_json(item, status, head_.sealed)}});
}

std::string OpenAiResponsesStream::text_delta(Kind kind, const std::string& text,
                                              const std::vector<AnswerLogprob>& logprobs) {
    if (text.empty()) return {};
    std::string out;
    if (!open_ || output_.items().back().kind != kind) out = open_item(kind, nullptr);
    ResponseOutput::Item& item = output_.items().back();
    item.text += text;
    json::object fields{{"item_id", item.id},
                        {"output_index", output_.items().size() - 1},
                        {"content_index", 0},
                        {"delta", text}};
    if (kind == Kind::kMessage) {
        item.logprobs.insert(item.logprobs.end(), logprobs.begin(), logprobs.end());
        fields["logprobs"] = response_logprobs_json(logprobs);
    }
    return out + event(text_event(kind, false), std::move(fields));
}

std::string OpenAiResponsesStream::call_delta(const ToolCallDelta& call) {
    const bool is_open = open_ && output_.items().back().kind == Kind::kCall && open_call_ == call.index;
    std::string out = is_open ? std::string() : open_item(Kind::kCall, &call);
    if (call.arguments.empty()) return out;
    ResponseOutput::Item& item = output_.items().back();
    item.text += call.arguments;
    return out +
           event("response.function_call_arguments.delta", {{"item_id", item.id},
                                                            {"output_index", output_.items().size() - 1},
                                                            {"delta", call.arguments}});
}

std::string OpenAiResponsesStream::delta(const AnswerDelta& delta) {
    // What belongs to the call that is open goes before anything that would close it.
    const auto is_open = [this](const ToolCallDelta& call) {
        return open_ && output_.items().back().kind == Kind::kCall && open_call_ == call.index;
    };
    std::string out;
    std::size_t next = 0;
    while (next < delta.tool_calls.size() && is_open(delta.tool_calls[next]))
        out += call_delta(delta.tool_calls[next++]);
    out += text_delta(Kind::kReasoning, delta.reasoning, {});
    out += text_delta(Kind::kMessage, delta.content, delta.logprobs);
    for (; next < delta.tool_calls.size(); ++next) out += call_delta(delta.tool_calls[next]);
    return out;
}

std::string OpenAiResponsesStream::finish(const ChatAnswer& answer) {
    std::string out;
    const bool says_nothing = answer.message.content.empty() && answer.message.tool_calls.empty();
    const bool has_message = !output_.items().empty() && output_.items().back().kind != Kind::kReasoning;
    if (says_nothing && !has_message) out = open_item(Kind::kMessage, nullptr);
    const ResponseStatus status = response_status(answer.finish_reason);
    out += close_item(status == ResponseStatus::kCompleted ? "completed" : "incomplete");
    const json::object response = response_json(head_, status, output_.json(status, head_.sealed), &answer);
    const char* const type =
        status == ResponseStatus::kCompleted ? "response.completed" : "response.incomplete";
    return out + event(type, {{"response", response}});
}

std::string OpenAiResponsesStream::error(const ApiError& error) {
    json::object response = response_json(head_, ResponseStatus::kFailed,
                                          output_.json(ResponseStatus::kFailed, head_.sealed), nullptr);
    response["error"] =
        json::object{{"code", error.code.empty() ? "server_error" : error.code}, {"message", error.message}};
    return event("response.failed", {{"response", std::move(response)}});
}

}  // namespace kvasir
