#include "app/server_json.h"

#include <utility>

namespace kvasir {

namespace json = boost::json;

Error not_understood() {
    return {ErrorCode::kUnavailable,
            "the server's answer is not understood: are it and this program of the same version?"};
}

namespace {

ErrorCode code_of(std::string_view name, int http_status) {
    for (int i = 0; i <= static_cast<int>(ErrorCode::kUnavailable); ++i) {
        if (name == to_string(static_cast<ErrorCode>(i))) return static_cast<ErrorCode>(i);
    }
    if (name == "context_length_exceeded") return ErrorCode::kContextFull;
    if (http_status == 404) return ErrorCode::kNotFound;
    if (http_status == 409) return ErrorCode::kConflict;
    if (http_status == 429 || http_status >= 500) return ErrorCode::kUnavailable;
    return ErrorCode::kInvalidArgument;
}

}  // namespace

Result<json::value> parse_server_json(std::string_view text) {
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    if (error) return fail(not_understood());
    return value;
}

Error error_of_connection(Error error) {
    if (error.code != ErrorCode::kNotFound) return error;
    return {ErrorCode::kUnavailable, "the server on this store has gone: the same command works without it"};
}

Error error_of_response(int http_status, std::string_view body) {
    const auto value = parse_server_json(body);
    if (!value) return not_understood();
    ServerFields outer(*value);
    const json::value* error = outer.find("error");
    if (error == nullptr) return not_understood();
    ServerFields fields(*error);
    std::string code;
    std::string message;
    fields.read("code", code);
    fields.read("message", message);
    if (!fields.done(true)) return not_understood();
    return {code_of(code, http_status), message};
}

}  // namespace kvasir
