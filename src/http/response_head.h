// Bytes of response heads and chunks. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/http.h"

namespace kvasir {

enum class AfterResponse { kKeepAlive, kClose };

// How the end of the body is told.
enum class BodyFraming {
    kLength,  // Content-Length
    kChunked,
    kToEnd,  // by closing: for clients of HTTP/1.0
    kNone,   // 204, 304: no body, no length
};

struct ResponseHead {
    int status = 200;
    std::string_view content_type;  // "" none
    std::string_view request_id;
    BodyFraming framing = BodyFraming::kLength;
    std::uint64_t length = 0;  // for kLength
    AfterResponse after = AfterResponse::kKeepAlive;
};

// Headers that are not valid, or that frame the message (those are the server's), are left out.
std::string format_head(const ResponseHead& head, const HttpHeaders& headers,
                        const HttpHeaders& more_headers);

bool status_has_body(int status);

std::string format_chunk(std::string_view bytes);  // not for empty bytes: that is the end
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace kvasir
