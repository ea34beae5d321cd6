// Errors as clients of HTTP see them, and the one place where an ErrorCode becomes an HTTP status. Pure
// functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/result.h"

namespace kvasir {

// Numbers of a prompt that is too long, where they are known.
struct ContextSize {
    std::uint64_t prompt_tokens = 0;
    std::uint64_t context_tokens = 0;
};

struct ApiError {
    int http_status = 400;
    std::string code;     // for machines: "invalid_value", "context_length_exceeded", ...
    std::string type;     // OpenAI's: "invalid_request_error", ...; Anthropic's follows from the status
    std::string message;  // for people
    std::string param;    // the field that is wrong, as a path: "messages[2].content". "" none
    std::vector<std::pair<std::string, std::string>> headers;  // to be sent with the error
    std::optional<ContextSize> context;
};

template <class T>
using ApiResult = tl::expected<T, ApiError>;

[[nodiscard]] inline tl::unexpected<ApiError> fail(ApiError error) {
    return tl::unexpected<ApiError>(std::move(error));
}

// The error of a layer below. With kContextFull, `context` tells the numbers.
ApiError api_error(const Error& error, std::optional<ContextSize> context = std::nullopt);
ApiError invalid_request(std::string_view code, std::string_view param, std::string message);  // 400
ApiError model_not_found(std::string_view model);                                              // 404
ApiError unauthorized(std::string message);                                                    // 401
ApiError too_many_requests(std::string message, std::uint32_t retry_after_s);                  // 429
// One that the HTTP server itself found: 404 for a route, 405, 408, 413, 431, 503, ...
ApiError http_error(int http_status, std::string message);

// Bodies, one for each protocol; the status and headers of the error go with them.
std::string openai_error_body(const ApiError& error);
std::string anthropic_error_body(const ApiError& error, std::string_view request_id = {});
std::string kvasir_error_body(const ApiError& error);  // our own API: {"error":{"code","message","field"}}

}  // namespace kvasir
