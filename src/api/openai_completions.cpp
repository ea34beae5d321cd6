#include "api/openai_completions.h"

#include <limits>
#include <span>

#include "api/answer_json.h"
#include "api/api_limits.h"
#include "api/json_text.h"
#include "api/openai_fields.h"
#include "api/request_fields.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr NumberRange kTemperature{0, 2};

std::vector<Token> read_tokens(const json::array& list, const std::string& path, RequestReading& reading) {
    std::vector<Token> tokens;
    tokens.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto token = integer_in(list[i]);
        if (!token || *token < 0 || *token > std::numeric_limits<Token>::max()) {
            reading.refuse("invalid_value", element_path(path, i),
                           element_path(path, i) + " must be the id of a token");
            return {};
        }
        tokens.push_back(static_cast<Token>(*token));
    }
    return tokens;
}

// A text, a list of tokens, or a list with one of them.
void read_prompt(const json::value& value, const std::string& path, const JsonFields& body,
                 CompletionRequest& request) {
    RequestReading& reading = body.reading();
    if (const json::string* const text = value.if_string()) {
        request.prompt = std::string(text->data(), text->size());
        return;
    }
    const json::array* const list = value.if_array();
    if (list == nullptr) {
        refuse_type(reading, path, "a string or an array of token ids", value);
    } else if (list->empty()) {
        reading.refuse("invalid_value", path, path + " must not be empty");
    } else if (list->front().is_number()) {
        request.prompt = read_tokens(*list, path, reading);
    } else if (list->size() > 1) {
        reading.refuse("unsupported_value", path,
                       path + " may hold one prompt only: this server gives one answer");
    } else if (path != "prompt") {
        refuse_type(reading, element_path(path, 0), "the id of a token", list->front());
    } else {
        read_prompt(list->front(), element_path(path, 0), body, request);
    }
}

void refuse_unsupported(const JsonFields& body) {
    refuse_unsupported_generation(body);
    if (body.flag("echo").value_or(false)) {
        body.refuse("unsupported_parameter", "echo", "echo is not supported: the prompt is not repeated");
    }
    if (!body.text("suffix").value_or(std::string()).empty()) {
        body.refuse("unsupported_parameter", "suffix",
                    "suffix is not supported: text is continued at its end only");
    }
}

// The form of this endpoint: parallel lists.
json::value logprobs_json(std::span<const AnswerLogprob> logprobs, std::size_t offset) {
    if (logprobs.empty()) return nullptr;
    json::array tokens;
    json::array values;
    json::array tops;
    json::array offsets;
    for (const AnswerLogprob& token : logprobs) {
        tokens.emplace_back(replace_invalid_utf8(token.text));
        values.emplace_back(finite_logprob(token.logprob));
        json::object top;
        for (const auto& [text, logprob] : token.top)
            top[replace_invalid_utf8(text)] = finite_logprob(logprob);
        tops.emplace_back(std::move(top));
        offsets.emplace_back(offset);
        offset += token.text.size();
    }
    return json::object{{"tokens", std::move(tokens)},
                        {"token_logprobs", std::move(values)},
                        {"top_logprobs", std::move(tops)},
                        {"text_offset", std::move(offsets)}};
}

json::object answer_json(const OpenAiStreamStart& start, std::string_view text, json::value logprobs,
                         json::value reason) {
    return {{"id", start.id},
            {"object", "text_completion"},
            {"created", start.created_unix_s},
            {"model", start.model},
            {"choices", json::array{{{"index", 0},
                                     {"text", text},
                                     {"logprobs", std::move(logprobs)},
                                     {"finish_reason", std::move(reason)}}}}};
}

}  // namespace

ApiResult<CompletionRequest> parse_openai_completion(std::string_view text) {
    KVASIR_TRY_ASSIGN(const json::object object, parse_request_body(text));
    RequestReading reading;
    const JsonFields body(object, "", reading);
    refuse_unsupported(body);
    CompletionRequest request;
    Speaker speaker = read_speaker(body, ModelField::kOptional);
    request.model = std::move(speaker.model);
    request.agent = std::move(speaker.agent);
    const json::value* const prompt = body.find("prompt");
    if (prompt == nullptr) {
        body.refuse("missing_required_parameter", "prompt",
                    "prompt is required: a string or an array of token ids");
    } else {
        read_prompt(*prompt, "prompt", body, request);
    }
    request.sampling = read_sampling(body, kTemperature);
    read_openai_sampling(body, request.sampling);
    request.stops = read_stops(body, "stop", kOpenAiStopsMax);
    if (const auto most = body.integer("max_tokens", {1, kAnswerTokensMax})) {
        request.answer_tokens_max = static_cast<std::uint32_t>(*most);
    }
    request.stream = read_stream_mode(body);
    request.usage_chunk = read_usage_chunk(body);
    if (const auto top = body.integer("logprobs", {0, kCompletionLogprobsMax})) {
        request.top_logprobs = static_cast<std::uint32_t>(*top);
    }
    request.session = read_session(body);
    if (reading.failed()) return fail(*reading.error());
    request.notes = std::move(reading.notes());
    return request;
}

std::string openai_completion_answer(const ChatAnswer& answer) {
    const OpenAiStreamStart start{answer.id, answer.created_unix_s, answer.model, UsageChunk::kNo};
    json::object out = answer_json(start, answer.message.content, logprobs_json(answer.logprobs, 0),
                                   openai_finish_reason(answer.finish_reason));
    out["usage"] = openai_usage_json(answer.usage);
    out["kvasir"] = memory_json(answer.memory);
    return to_json_text(out);
}

OpenAiCompletionStream::OpenAiCompletionStream(OpenAiStreamStart start) : start_(std::move(start)) {}

std::string OpenAiCompletionStream::delta(const AnswerDelta& delta) {
    if (delta.content.empty() && delta.logprobs.empty()) return {};
    json::object out =
        answer_json(start_, delta.content, logprobs_json(delta.logprobs, logprob_offset_), nullptr);
    for (const AnswerLogprob& token : delta.logprobs) logprob_offset_ += token.text.size();
    if (start_.usage_chunk == UsageChunk::kYes) out["usage"] = nullptr;
    return sse_event(to_json_text(out));
}

std::string OpenAiCompletionStream::finish(const ChatAnswer& answer) const {
    json::object last = answer_json(start_, "", nullptr, openai_finish_reason(answer.finish_reason));
    last["kvasir"] = memory_json(answer.memory);
    if (start_.usage_chunk == UsageChunk::kNo)
        return sse_event(to_json_text(last)) + std::string(kOpenAiStreamEnd);
    last["usage"] = nullptr;
    json::object usage = answer_json(start_, "", nullptr, nullptr);
    usage["choices"] = json::array();
    usage["usage"] = openai_usage_json(answer.usage);
    return sse_event(to_json_text(last)) + sse_event(to_json_text(usage)) + std::string(kOpenAiStreamEnd);
}

std::string OpenAiCompletionStream::error(const ApiError& error) const {
    return sse_event(openai_error_body(error)) + std::string(kOpenAiStreamEnd);
}

}  // namespace kvasir
