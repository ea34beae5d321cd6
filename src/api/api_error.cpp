#include "api/api_error.h"

#include "api/json_text.h"
#include "base/names.h"

namespace kvasir {

namespace json = boost::json;

namespace {

constexpr const char* kNoRetry = "false";
constexpr std::uint32_t kRetryAfterSeconds = 1;

struct StatusForm {
    int http_status;
    const char* openai_type;
    const char* anthropic_type;
};

constexpr StatusForm kForms[] = {
    {400, "invalid_request_error", "invalid_request_error"},
    {401, "authentication_error", "authentication_error"},
    {403, "permission_error", "permission_error"},
    {404, "not_found_error", "not_found_error"},
    {408, "timeout_error", "timeout_error"},
    {409, "conflict_error", "invalid_request_error"},
    {413, "invalid_request_error", "request_too_large"},
    {429, "rate_limit_error", "rate_limit_error"},
    {503, "service_unavailable_error", "overloaded_error"},
};

StatusForm form_of(int http_status) {
    for (const StatusForm& form : kForms) {
        if (form.http_status == http_status) return form;
    }
    if (http_status < 500) return {http_status, "invalid_request_error", "invalid_request_error"};
    return {http_status, "server_error", "api_error"};
}

int status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return 400;
        case ErrorCode::kNotFound:
            return 404;
        case ErrorCode::kConflict:
            return 409;
        case ErrorCode::kStoreInUse:
            return 503;
        case ErrorCode::kStoreUnusable:
        case ErrorCode::kDamaged:
            return 500;
        case ErrorCode::kModelUnusable:
            return 409;  // the agent belongs to another model than the one that runs
        case ErrorCode::kOutOfMemory:
            return 503;
        case ErrorCode::kNoSpace:
            return 507;
        case ErrorCode::kIo:
            return 500;
        case ErrorCode::kContextFull:
            return 400;
        case ErrorCode::kCancelled:
            return 499;
        case ErrorCode::kUnavailable:
            return 503;
    }
    return 500;
}

// Clients repeat 408, 409, 429 and all from 500 on by themselves: told not to where it cannot help.
void add_retry_headers(ApiError& error) {
    if (error.http_status == 503) {
        error.headers.emplace_back("Retry-After", std::to_string(kRetryAfterSeconds));
    } else if (error.http_status == 409 || error.http_status == 507) {
        error.headers.emplace_back("x-should-retry", kNoRetry);
    }
}

std::string context_message(std::string_view reason, const std::optional<ContextSize>& context) {
    constexpr std::string_view kPhrase = "maximum context length";  // clients look for these words
    if (context) {
        return "the prompt has " + std::to_string(context->prompt_tokens) + " tokens, more than the " +
               std::string(kPhrase) + " of " + std::to_string(context->context_tokens) + " tokens";
    }
    if (reason.find(kPhrase) != std::string_view::npos) return std::string(reason);
    return std::string(kPhrase) + " exceeded: " + std::string(reason);
}

json::value text_or_null(const std::string& text) { return text.empty() ? json::value() : json::value(text); }

std::string anthropic_message(const ApiError& error) {
    if (error.context) {
        return "prompt is too long: " + std::to_string(error.context->prompt_tokens) + " tokens > " +
               std::to_string(error.context->context_tokens) + " maximum";
    }
    return error.message;
}

}  // namespace

ApiError api_error(const Error& error, std::optional<ContextSize> context) {
    ApiError out = http_error(status_of(error.code), error.message);
    out.code = to_string(error.code);
    if (error.code == ErrorCode::kContextFull) {
        out.code = "context_length_exceeded";
        out.param = "messages";
        out.message = context_message(error.message, context);
        out.context = context;
    }
    return out;
}

ApiError invalid_request(std::string_view code, std::string_view param, std::string message) {
    ApiError error = http_error(400, std::move(message));
    error.code = code;
    error.param = param;
    return error;
}

ApiError model_not_found(std::string_view model) {
    ApiError error = http_error(
        404, "there is no model " + printable(model) + " here; GET /v1/models lists what there is");
    error.code = "model_not_found";
    error.type = "invalid_request_error";
    error.param = "model";
    return error;
}

ApiError unauthorized(std::string message) {
    ApiError error = http_error(401, std::move(message));
    error.code = "invalid_api_key";
    return error;
}

ApiError too_many_requests(std::string message, std::uint32_t retry_after_s) {
    ApiError error = http_error(429, std::move(message));
    error.code = "rate_limit_exceeded";
    error.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
    return error;
}

ApiError http_error(int http_status, std::string message) {
    ApiError error;
    error.http_status = http_status;
    error.type = form_of(http_status).openai_type;
    error.message = std::move(message);
    add_retry_headers(error);
    return error;
}

std::string openai_error_body(const ApiError& error) {
    return to_json_text({{"error",
                          {{"message", error.message},
                           {"type", error.type},
                           {"param", text_or_null(error.param)},
                           {"code", text_or_null(error.code)}}}});
}

std::string anthropic_error_body(const ApiError& error, std::string_view request_id) {
    json::object inner{{"type", form_of(error.http_status).anthropic_type},
                       {"message", anthropic_message(error)}};
    if (!error.code.empty()) inner["details"] = json::object{{"error_code", error.code}};
    json::object body{{"type", "error"}, {"error", inner}};
    if (!request_id.empty()) body["request_id"] = request_id;
    return to_json_text(body);
}

std::string kvasir_error_body(const ApiError& error) {
    json::object inner{
        {"code", error.code.empty() ? "http_" + std::to_string(error.http_status) : error.code},
        {"message", error.message}};
    if (!error.param.empty()) inner["field"] = error.param;
    if (error.context) {
        inner["prompt_tokens"] = error.context->prompt_tokens;
        inner["context_tokens"] = error.context->context_tokens;
    }
    return to_json_text(json::object{{"error", inner}});
}

}  // namespace kvasir
