// From the JSON of POST /v1/responses to a request.
#include <algorithm>
#include <array>

#include "api/api_limits.h"
#include "api/json_fields.h"
#include "api/json_text.h"
#include "api/openai_fields.h"
#include "api/openai_responses.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr NumberRange kTemperature{0, 2};
constexpr std::size_t kMetadataMax = 16;  // the protocol's own

// Asks for something that the answer would be wrong without.
void refuse_unsupported(const JsonFields& body) {
    refuse_unsupported_generation(body);
    if (body.flag("background").value_or(false))
        body.refuse("unsupported_value", "background",
                    "background must be false: this server answers while the client waits; use stream");
    body.refuse_if_given("prompt", "this server keeps no prompt templates: send instructions and input");
    body.refuse_if_given("moderation", "this server moderates nothing");
    body.refuse_if_given("messages", "that is a field of /v1/chat/completions: use input");
    const std::string truncation = body.text("truncation").value_or("disabled");
    if (truncation != "disabled" && truncation != "auto")
        body.refuse("invalid_value", "truncation",
                    "truncation must be disabled or auto, not " + printable(truncation));
}

void note_without_effect(const JsonFields& body) {
    for (const std::string_view name :
         {"max_tool_calls", "service_tier", "context_management", "prompt_cache_retention"})
        body.note_if_given(name);
}

json::array input_items(const JsonFields& body, std::string_view seed) {
    const json::value* const input = body.find("input");
    if (input == nullptr) return {};
    json::array items;
    if (const json::string* const text = input->if_string()) {
        items.push_back(json::object{{"type", "message"}, {"role", "user"}, {"content", *text}});
    } else if (const json::array* const list = input->if_array()) {
        items = *list;
    } else {
        refuse_type(body.reading(), "input", "a string or an array of items", *input);
    }
    auto with = with_ids(items, "input", seed);
    if (!with) {
        body.reading().refuse(with.error());
        return {};
    }
    // Read once, so that what is wrong is told before anything is looked up.
    if (const auto messages = messages_of_items(*with, "input"); !messages)
        body.reading().refuse(messages.error());
    return std::move(*with);
}

std::string conversation_of(const JsonFields& body) {
    const json::value* const conversation = body.find("conversation");
    if (conversation == nullptr) return {};
    if (conversation->is_string()) return body.text("conversation").value_or("");
    return JsonFields(*conversation, "conversation", body.reading()).required_text("id");
}

void read_include(const JsonFields& body, ResponsesRequest& request) {
    const json::array* const list = body.array("include");
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        const json::value& name = (*list)[i];
        if (name == "message.output_text.logprobs") {
            if (!request.chat.top_logprobs) request.chat.top_logprobs = 0;
        } else if (name == "reasoning.encrypted_content") {
            request.sealed = SealedReasoning::kYes;
        } else {
            body.reading().note(element_path("include", i) + " has no effect here");
        }
    }
}

void read_text_format(const JsonFields& body, AnswerConstraint& constraint) {
    const auto text = body.object("text");
    if (!text) return;
    text->note_if_given("verbosity");
    const auto format = text->object("format");
    if (!format) return;
    const std::string type = format->required_text("type");
    if (type == "json_object") {
        constraint.json_schema = "{}";
    } else if (type == "json_schema") {
        if (format->find("schema") == nullptr)
            format->refuse("missing_required_parameter", "schema",
                           "text.format.schema is required: an object");
        format->flag("strict");  // followed in any case
        constraint.json_schema = read_schema(*format, "schema", "{}");
    } else if (type != "text") {
        format->refuse("invalid_value", "type",
                       "text.format.type must be text, json_object or json_schema, not " + printable(type));
    }
}

Thinking read_reasoning(const JsonFields& body) {
    const auto reasoning = body.object("reasoning");
    if (!reasoning) return read_openai_thinking(body);
    const auto effort = reasoning->text("effort");
    if (!effort) return Thinking::kDefault;
    constexpr std::array<std::string_view, 6> kEfforts{"minimal", "low", "medium", "high", "xhigh", "max"};
    if (std::find(kEfforts.begin(), kEfforts.end(), *effort) != kEfforts.end()) return Thinking::kOn;
    if (*effort != "none")
        reasoning->refuse("invalid_value", "effort",
                          "reasoning.effort must be none, minimal, low, medium, high, xhigh or max, not " +
                              printable(*effort));
    return Thinking::kOff;
}

void check_metadata(const JsonFields& body) {
    const auto metadata = body.object("metadata");
    if (metadata && metadata->all().size() > kMetadataMax)
        body.refuse("invalid_value", "metadata", "metadata may have 16 fields at most");
}

// Fields of the response that repeat the request, or what holds without one.
json::object echo_of(const JsonFields& body, const ResponsesRequest& request) {
    const auto given = [&](std::string_view name, const json::value& otherwise) {
        const json::value* const value = body.find(name);
        return value == nullptr ? otherwise : *value;
    };
    json::object text{{"format", {{"type", "text"}}}};
    if (const auto fields = body.object("text")) {
        for (const auto& field : fields->all()) text[field.key()] = field.value();
    }
    json::object reasoning{{"effort", nullptr}, {"summary", nullptr}};
    if (const auto fields = body.object("reasoning")) {
        for (const auto& field : fields->all()) reasoning[field.key()] = field.value();
    }
    json::object echo{{"background", false},
                      {"conversation", nullptr},
                      {"instructions", given("instructions", nullptr)},
                      {"max_output_tokens", given("max_output_tokens", nullptr)},
                      {"max_tool_calls", given("max_tool_calls", nullptr)},
                      {"metadata", given("metadata", json::object())},
                      {"parallel_tool_calls", given("parallel_tool_calls", true)},
                      {"previous_response_id", given("previous_response_id", nullptr)},
                      {"prompt_cache_key", given("prompt_cache_key", nullptr)},
                      {"reasoning", std::move(reasoning)},
                      {"safety_identifier", given("safety_identifier", nullptr)},
                      {"service_tier", "default"},
                      {"store", request.store == StoreResponse::kYes},
                      {"temperature", given("temperature", nullptr)},
                      {"text", std::move(text)},
                      {"tool_choice", given("tool_choice", "auto")},
                      {"tools", given("tools", json::array())},
                      {"top_logprobs", given("top_logprobs", 0)},
                      {"top_p", given("top_p", nullptr)},
                      {"presence_penalty", given("presence_penalty", 0.0)},
                      {"frequency_penalty", given("frequency_penalty", 0.0)},
                      {"truncation", given("truncation", "disabled")},
                      {"user", given("user", nullptr)}};
    if (!request.conversation.empty()) echo["conversation"] = json::object{{"id", request.conversation}};
    return echo;
}

void read_history(const JsonFields& body, ResponsesRequest& request) {
    request.previous_response_id = body.text("previous_response_id").value_or("");
    request.conversation = conversation_of(body);
    if (!request.previous_response_id.empty() && !request.conversation.empty())
        body.refuse("invalid_value", "conversation",
                    "conversation and previous_response_id exclude each other: both tell the history");
    const bool has_history = !request.previous_response_id.empty() || !request.conversation.empty();
    if (request.input.empty() && !has_history)
        body.refuse("missing_required_parameter", "input",
                    "input is required: a string or an array of items with at least one");
}

void read_generation(const JsonFields& body, ResponsesRequest& request) {
    ChatRequest& chat = request.chat;
    read_openai_response_tools(body, chat);
    read_text_format(body, chat.constraint);
    chat.thinking = read_reasoning(body);
    chat.sampling = read_sampling(body, kTemperature);
    read_openai_sampling(body, chat.sampling);
    if (const auto most = body.integer("max_output_tokens", {1, kAnswerTokensMax}))
        chat.answer_tokens_max = static_cast<std::uint32_t>(*most);
    if (const auto top = body.integer("top_logprobs", {0, kTopLogprobsMax}); top && *top > 0)
        chat.top_logprobs = static_cast<std::uint32_t>(*top);
    chat.stream = read_stream_mode(body);
}

}  // namespace

ApiResult<ResponsesRequest> parse_openai_response(std::string_view text, std::string_view id) {
    KVASIR_TRY_ASSIGN(const json::object object, parse_request_body(text));
    RequestReading reading;
    const JsonFields body(object, "", reading);
    refuse_unsupported(body);
    note_without_effect(body);
    ResponsesRequest request;
    Speaker speaker = read_speaker(body, ModelField::kOptional);
    request.chat.model = std::move(speaker.model);
    request.chat.agent = std::move(speaker.agent);
    request.chat.session = read_session(body);
    request.instructions = body.text("instructions");
    request.store = body.flag("store").value_or(true) ? StoreResponse::kYes : StoreResponse::kNo;
    if (body.text("truncation").value_or("") == "auto") request.truncation = Truncation::kAuto;
    request.input = input_items(body, id.substr(id.find('_') + 1));
    read_history(body, request);
    read_generation(body, request);
    check_metadata(body);
    if (!reading.failed()) request.echo = echo_of(body, request);
    read_include(body, request);
    if (reading.failed()) return fail(*reading.error());
    request.chat.notes = std::move(reading.notes());
    return request;
}

std::string openai_input_tokens(std::uint64_t input_tokens) {
    return to_json_text(json::object{{"object", "response.input_tokens"}, {"input_tokens", input_tokens}});
}

}  // namespace kvasir
