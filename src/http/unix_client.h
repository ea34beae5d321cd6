// An HTTP/1.1 client over a unix socket, one request per connection: the command line's way to a server.
// Blocks its caller; any thread. No Boost in this header.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kvasir {

struct ClientRequest {
    std::string method = "GET";
    std::string target;                               // as it is sent: escaped
    std::string body;                                 // JSON; "": none
    std::uint32_t silence_ms_max = 60'000;            // nothing came for so long: kUnavailable
    std::uint32_t body_silence_ms_max = 60'000;       // the same, once the answer has begun
    std::uint64_t body_bytes_max = 64 * 1024 * 1024;  // of the answer
    // Looked at many times a second; true closes the connection, which is kCancelled.
    const std::atomic<bool>* cancelled = nullptr;
    // Takes the body of a 200 as it comes; an error ends it. Without it, and with another status, the body is
    // collected.
    std::function<Status(std::string_view bytes)> on_bytes;
};

struct ClientResponse {
    int status = 0;
    std::string body;
};

// kNotFound: nobody listens on `path`. kUnavailable: the connection broke, or the other side was silent for
// too long, or is no HTTP server.
Result<ClientResponse> ask_unix_socket(const std::string& path, const ClientRequest& request);

}  // namespace kvasir
