// From the JSON of an Anthropic request to a ChatRequest.
#include "api/anthropic.h"
#include "api/anthropic_fields.h"
#include "api/api_limits.h"
#include "api/json_text.h"
#include "api/request_fields.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr NumberRange kTemperature{0, 1};

enum class Endpoint { kMessages, kCountTokens };

// Asks for something that the answer would be wrong without.
void refuse_unsupported(const JsonFields& body) {
    if (body.find("thread") != nullptr) {
        // The code by which the protocol's SDK knows to send the whole conversation instead.
        body.refuse("thread_unsupported_request", "thread",
                    "thread is not supported here: send the whole conversation in messages");
    }
    if (const json::array* const servers = body.array("mcp_servers");
        servers != nullptr && !servers->empty()) {
        body.refuse("unsupported_parameter", "mcp_servers",
                    "mcp_servers is not supported: this server calls no others");
    }
    body.refuse_if_given("container", "this server runs no code");
}

void note_without_effect(const JsonFields& body) {
    for (const std::string_view name : {"context_management", "service_tier"}) body.note_if_given(name);
}

void refuse_prefill(const JsonFields& body, const std::vector<ChatMessage>& messages) {
    if (messages.empty() || messages.back().role != Role::kAssistant) return;
    body.refuse(
        "unsupported_value", "messages",
        "messages must not end with one of the assistant: an answer that is begun is not continued here");
}

Thinking read_anthropic_thinking(const JsonFields& body) {
    const auto thinking = body.object("thinking");
    if (!thinking) return Thinking::kDefault;
    thinking->note_if_given("budget_tokens");
    return read_thinking(*thinking);
}

ApiResult<ChatRequest> parse(std::string_view text, Endpoint endpoint) {
    KVASIR_TRY_ASSIGN(const json::object object, parse_request_body(text));
    RequestReading reading;
    const JsonFields body(object, "", reading);
    refuse_unsupported(body);
    note_without_effect(body);
    Speaker speaker = read_speaker(body, ModelField::kRequired);
    ChatRequest request;
    request.model = std::move(speaker.model);
    request.agent = std::move(speaker.agent);
    request.messages = read_anthropic_messages(body);
    read_anthropic_tools(body, request);
    request.thinking = read_anthropic_thinking(body);
    request.session = read_session(body);
    if (endpoint == Endpoint::kMessages) {
        refuse_prefill(body, request.messages);
        const auto most = body.integer("max_tokens", {1, kAnswerTokensMax});
        if (!most)
            body.refuse("missing_required_parameter", "max_tokens", "max_tokens is required: an integer");
        request.answer_tokens_max = static_cast<std::uint32_t>(most.value_or(1));
        request.sampling = read_sampling(body, kTemperature);
        request.stops = read_stops(body, "stop_sequences", kAnthropicStopsMax);
        request.stream = read_stream_mode(body);
    }
    if (reading.failed()) return fail(*reading.error());
    request.notes = std::move(reading.notes());
    return request;
}

}  // namespace

ApiResult<ChatRequest> parse_anthropic_messages(std::string_view text) {
    return parse(text, Endpoint::kMessages);
}

ApiResult<ChatRequest> parse_anthropic_count_tokens(std::string_view text) {
    return parse(text, Endpoint::kCountTokens);
}

std::string anthropic_token_count(std::uint64_t input_tokens) {
    return to_json_text(json::object{{"input_tokens", input_tokens}});
}

}  // namespace kvasir
