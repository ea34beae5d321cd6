// From the JSON of a chat completion to a ChatRequest.
#include "api/api_limits.h"
#include "api/json_text.h"
#include "api/openai_chat.h"
#include "api/openai_fields.h"
#include "api/request_fields.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr NumberRange kTemperature{0, 2};

void refuse_other_modalities(const JsonFields& body) {
    const json::array* const modalities = body.array("modalities");
    for (std::size_t i = 0; modalities != nullptr && i < modalities->size(); ++i) {
        if ((*modalities)[i] != "text") {
            body.reading().refuse("unsupported_value", element_path("modalities", i),
                                  "modalities may hold text only: this server answers in text");
        }
    }
}

// Asks for something that the answer would be wrong without.
void refuse_unsupported(const JsonFields& body) {
    refuse_unsupported_generation(body);
    refuse_other_modalities(body);
    body.refuse_if_given("functions", "the deprecated form: use tools");
    body.refuse_if_given("function_call", "the deprecated form: use tool_choice");
    body.refuse_if_given("audio", "this server has no audio");
    body.refuse_if_given("web_search_options", "this server does not search the web");
    body.refuse_if_given("moderation", "this server moderates nothing");
    body.refuse_if_given("previous_response_id", "send the whole conversation, or use /v1/responses");
    body.refuse_if_given("conversation", "send the whole conversation, or use /v1/responses");
}

void note_without_effect(const JsonFields& body) {
    for (const std::string_view name : {"prediction", "verbosity", "service_tier"}) body.note_if_given(name);
}

std::optional<std::uint32_t> read_top_logprobs(const JsonFields& body) {
    const bool wanted = body.flag("logprobs").value_or(false);
    const auto top = body.integer("top_logprobs", {0, kTopLogprobsMax});
    if (!wanted && top.value_or(0) > 0) {
        body.refuse("invalid_value", "top_logprobs", "top_logprobs needs logprobs to be true");
    }
    if (!wanted) return std::nullopt;
    return static_cast<std::uint32_t>(top.value_or(0));
}

std::optional<std::uint32_t> read_answer_tokens_max(const JsonFields& body) {
    const auto old_name = body.integer("max_tokens", {1, kAnswerTokensMax});
    const auto given = body.integer("max_completion_tokens", {1, kAnswerTokensMax});
    if (!given && !old_name) return std::nullopt;
    return static_cast<std::uint32_t>(given ? *given : *old_name);
}

}  // namespace

void refuse_unsupported_generation(const JsonFields& body) {
    for (const std::string_view name : {"n", "best_of"}) {
        if (body.integer(name, {1, 128}).value_or(1) > 1) {
            body.refuse("unsupported_value", name,
                        std::string(name) + " must be 1: this server gives one answer");
        }
    }
    for (const std::string_view name : {"grammar", "json_schema", "structured_outputs", "guided_json",
                                        "guided_regex", "guided_choice", "guided_grammar"}) {
        body.refuse_if_given(name, "use response_format");
    }
}

ApiResult<ChatRequest> parse_openai_chat(std::string_view text) {
    KVASIR_TRY_ASSIGN(const json::object object, parse_request_body(text));
    RequestReading reading;
    const JsonFields body(object, "", reading);
    refuse_unsupported(body);
    note_without_effect(body);
    Speaker speaker = read_speaker(body, ModelField::kOptional);
    ChatRequest request;
    request.model = std::move(speaker.model);
    request.agent = std::move(speaker.agent);
    request.messages = read_openai_messages(body);
    read_openai_tools(body, request);
    read_response_format(body, request.constraint);
    request.thinking = read_openai_thinking(body);
    request.sampling = read_sampling(body, kTemperature);
    read_openai_sampling(body, request.sampling);
    request.stops = read_stops(body, "stop", kOpenAiStopsMax);
    request.answer_tokens_max = read_answer_tokens_max(body);
    request.stream = read_stream_mode(body);
    request.usage_chunk = read_usage_chunk(body);
    request.top_logprobs = read_top_logprobs(body);
    request.session = read_session(body);
    if (reading.failed()) return fail(*reading.error());
    request.notes = std::move(reading.notes());
    return request;
}

}  // namespace kvasir
