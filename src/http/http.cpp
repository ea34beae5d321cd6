#include "http/http.h"

namespace kvasir {
namespace {

std::optional<std::string_view> first_value(const HttpHeaders& pairs, std::string_view name) {
    for (const auto& [key, value] : pairs) {
        if (key == name) return value;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
    return first_value(headers, name);
}

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
    return first_value(query, name);
}

}  // namespace kvasir
