#include "http/response_head.h"

#include <algorithm>
#include <ctime>
#include <iterator>

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include "base/log.h"

namespace kvasir {
namespace {

bool is_token_character(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    return letter || digit || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_valid_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), is_token_character);
}

bool is_valid_value(std::string_view value) {
    return std::none_of(value.begin(), value.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    });
}

bool equal_without_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

// These say where the message ends, or stand in every response already.
bool is_ours(std::string_view name) {
    static constexpr std::string_view kOurs[] = {
        "content-length", "transfer-encoding", "connection", "content-type", "server",
        "date",           "x-request-id"};
    return std::any_of(std::begin(kOurs), std::end(kOurs),
                       [&](std::string_view own) { return equal_without_case(own, name); });
}

void append_headers(std::string& text, const HttpHeaders& headers) {
    for (const auto& [name, value] : headers) {
        if (is_ours(name)) continue;
        if (!is_valid_name(name) || !is_valid_value(value)) {
            log(LogLevel::kError, "http_response_header_invalid");
            continue;
        }
        fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
    }
}

// "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
std::string http_date() {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday,
                       kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string_view reason_phrase(int status) {
    const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    return {reason.data(), reason.size()};
}

}  // namespace

bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string format_head(const ResponseHead& head, const HttpHeaders& headers,
                        const HttpHeaders& more_headers) {
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out,
                   "HTTP/1.1 {} {}\r\nServer: kvasir\r\nDate: {}\r\nX-Request-Id: "
                   "{}\r\nX-Content-Type-Options: nosniff\r\n",
                   head.status, reason_phrase(head.status), http_date(), head.request_id);
    if (!head.content_type.empty() && is_valid_value(head.content_type) &&
        head.framing != BodyFraming::kNone) {
        fmt::format_to(out, "Content-Type: {}\r\n", head.content_type);
    }
    if (head.framing == BodyFraming::kLength) fmt::format_to(out, "Content-Length: {}\r\n", head.length);
    if (head.framing == BodyFraming::kChunked) text += "Transfer-Encoding: chunked\r\n";
    text += head.after == AfterResponse::kClose ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
    append_headers(text, headers);
    append_headers(text, more_headers);
    text += "\r\n";
    return text;
}

std::string format_chunk(std::string_view bytes) {
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

}  // namespace kvasir
