// Requests and responses of the HTTP server as its users see them. No knowledge of Kvasir, no Boost in this
// header.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvasir {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// Through which socket a request came. kOwner: the one that only the user who runs the server can connect to,
// which is proof enough of who asks. A kUnix socket may be handed on to others (a proxy), so it proves
// nothing.
enum class SocketKind { kTcp, kUnix, kOwner };

struct HttpRequest {
    std::string method;   // "GET", "POST", ...
    std::string path;     // percent-decoded, without the query; starts with '/'
    HttpHeaders query;    // decoded pairs, in order
    HttpHeaders headers;  // names in lower case, in order
    std::string body;
    std::string
        request_id;  // the client's X-Request-Id when it is usable, else made here; echoed in every response
    SocketKind socket = SocketKind::kTcp;

    // First value, or nothing. `name` in lower case.
    std::optional<std::string_view> header(std::string_view name) const;
    std::optional<std::string_view> query_value(std::string_view name) const;
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "application/json";
    HttpHeaders headers;
    std::string body;
};

enum class PushResult {
    kAccepted,
    kClosed,  // the client has gone, or did not read for too long: nothing more is sent
};

// One request being answered. Shared between the connection and whoever answers; all functions may be called
// from any thread and never block. Exactly one of respond() and begin_stream() is called, once.
class HttpExchange {
  public:
    virtual ~HttpExchange() = default;
    virtual const HttpRequest& request() const = 0;
    virtual void respond(HttpResponse response) = 0;
    // Sends head of a chunked response at once; the body follows by push(). While nothing is pushed for
    // HttpOptions::stream_comment_ms, a ": keep-alive" comment line is sent when content_type is
    // text/event-stream.
    virtual void begin_stream(int status, const std::string& content_type, const HttpHeaders& headers) = 0;
    // What is sent instead of that comment, as it is. Before begin_stream().
    virtual void keep_alive_with(std::string text) = 0;
    // Queues bytes. When more than HttpOptions::stream_buffer_bytes_max wait for a client that does not read,
    // the connection is closed and kClosed returned.
    virtual PushResult push(std::string bytes) = 0;
    // Called once, from any thread, when all that was pushed is on its way, at once if nothing waits: so a
    // long answer is made as fast as its client reads. Never called when the client goes away first.
    virtual void when_sent(std::function<void()> callback) = 0;
    virtual void finish() = 0;  // after the last push
    virtual bool closed() const = 0;
    // Called once, from any thread, when the client goes away before the response is complete; at once if it
    // has already.
    virtual void on_close(std::function<void()> callback) = 0;
};

// Called on an HTTP thread for every request that passed the server's own checks; must not block for long. An
// exchange that is dropped without an answer gets a 500.
using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

// Body of an error that the server itself answers (400, 408, 413, 431, 403 for a foreign Host or Origin, 503
// for too many connections); the path lets the owner choose the form. Returns the whole response.
using HttpErrorForm =
    std::function<HttpResponse(int status, std::string_view message, std::string_view path)>;

}  // namespace kvasir
