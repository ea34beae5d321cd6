// How a connection reads: waiting for a request, taking it in, checking who asks before the body is read.
#include <algorithm>
#include <chrono>
#include <utility>

#include "http/connection.h"
#include "http/request_id.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;

using WaitingKind = WaitingConnections::Kind;

constexpr std::uint64_t kReadAheadBytes = 64 * 1024;

// Some clients send an empty line after a body; the standard asks to overlook it. Whoever sends nothing else
// is not waited for.
constexpr std::size_t kEmptyLinesMax = 64;

struct EmptyLines {
    std::size_t dropped = 0;
    bool request_begins = false;
};

EmptyLines drop_empty_lines(std::string& bytes) {
    EmptyLines lines;
    while (lines.dropped <= kEmptyLinesMax && bytes.compare(2 * lines.dropped, 2, "\r\n") == 0)
        ++lines.dropped;
    bytes.erase(0, 2 * lines.dropped);
    lines.request_begins = !bytes.empty() && bytes != "\r";
    return lines;
}

SteadyTime from_now(std::uint32_t ms) {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
}

}  // namespace

asio::awaitable<Connection::Read> Connection::read_request(HttpRequest& request) {
    current_ = Current();
    wire_->set_input_end(Wire::InputEnd::kIsFine);
    wire_->release_incoming();
    wire_->want_input(static_cast<std::size_t>(core_->options.header_bytes_max + kReadAheadBytes));
    const bool begun = co_await wait_for_first_byte();
    if (!begun) co_return Read::kEnd;
    const Read read = co_await read_rest(request);
    if (read != Read::kRequest) co_return read;
    if (core_->draining) {
        co_await send_error(503, "the server is stopping");
        co_return Read::kAnswered;
    }
    const std::optional<HttpResponse> response = answer_here(request);
    if (!response) co_return Read::kRequest;
    co_await send_response(*response);
    co_return Read::kAnswered;
}

asio::awaitable<bool> Connection::wait_for_first_byte() {
    WaitingGuard waiting(core_->waiting, wire_, served_ ? WaitingKind::kServed : WaitingKind::kSilent);
    const SteadyTime deadline = from_now(core_->options.idle_timeout_ms);
    std::size_t empty_lines = 0;
    for (;;) {
        const EmptyLines lines = drop_empty_lines(wire_->incoming());
        empty_lines += lines.dropped;
        if (empty_lines > kEmptyLinesMax) co_return false;
        if (lines.request_begins) break;
        if (wire_->input_ended() || core_->draining) co_return false;
        const Wire::Waited waited = co_await wire_->wait(deadline);
        if (waited == Wire::Waited::kTimedOut) co_return false;
    }
    co_return waiting.leave() && !wire_->aborted();
}

// kAnswered: with an error, and that was the last response of this connection.
asio::awaitable<Connection::Read> Connection::read_rest(HttpRequest& request) {
    WaitingGuard waiting(core_->waiting, wire_, served_ ? WaitingKind::kAsking : WaitingKind::kSilent);
    const SteadyTime deadline = from_now(core_->options.request_timeout_ms);
    current_.begun = std::chrono::steady_clock::now();
    const std::size_t input_bytes_max =
        static_cast<std::size_t>(core_->options.header_bytes_max + kReadAheadBytes);
    RequestParser parser(RequestLimits{core_->options.header_bytes_max, core_->options.body_bytes_max});
    RequestError error{0, {}};
    while (error.status == 0) {
        const RequestParser::Progress progress = parser.consume(wire_->incoming());
        wire_->want_input(input_bytes_max);
        if (progress == RequestParser::Progress::kFailed) {
            error = parser.error();
        } else if (progress == RequestParser::Progress::kHeaderComplete) {
            waiting.become(WaitingKind::kAsking);
            error = accept_header(parser);
            if (error.status == 0 && parser.wants_continue() && !parser.complete())
                co_await wire_->write(kContinue);
        } else if (progress == RequestParser::Progress::kComplete) {
            if (!waiting.leave()) co_return Read::kEnd;
            served_ = true;
            request = std::move(parser.request());
            co_return Read::kRequest;
        } else {
            if (wire_->input_ended()) co_return Read::kEnd;
            const Wire::Waited waited = co_await wire_->wait(deadline);
            if (waited == Wire::Waited::kTimedOut) error = {408, "the request took too long to arrive"};
        }
    }
    if (!parser.header_complete()) note_request(parser.request());
    co_await send_error(error.status, error.message);
    co_return Read::kAnswered;
}

// For the response. After a header that broke off, with what came before.
void Connection::note_request(const HttpRequest& request) {
    const std::string_view id = request.header("x-request-id").value_or("");
    current_.request_id = is_usable_request_id(id) ? std::string(id) : make_request_id();
    current_.path = request.path;
    current_.method = request.method;
    current_.head_only = request.method == "HEAD";
}

// Says whether the rest is worth reading.
RequestError Connection::accept_header(RequestParser& parser) {
    HttpRequest& request = parser.request();
    note_request(request);
    request.request_id = current_.request_id;
    request.socket = traits_.socket;
    current_.version = parser.version();
    current_.keep_alive = parser.keep_alive();
    if (traits_.socket != SocketKind::kTcp) return {0, {}};
    return check_access(request, parser.authority());
}

RequestError Connection::check_access(const HttpRequest& request, const std::string& authority) {
    const std::string_view host = request.header("host").value_or("");
    const bool known = host_is_allowed(core_->rules, host) &&
                       (authority.empty() || host_is_allowed(core_->rules, authority));
    if (!known) return {403, "this server does not answer to that Host"};
    const std::optional<std::string_view> origin = request.header("origin");
    if (!origin) return {0, {}};
    const OriginVerdict verdict = judge_origin(core_->rules, *origin, host);
    if (verdict == OriginVerdict::kForeign) return {403, "pages of that Origin may not use this server"};
    if (verdict == OriginVerdict::kAllowed) {
        current_.cors_headers = {{"Access-Control-Allow-Origin", std::string(*origin)},
                                 {"Access-Control-Expose-Headers", "X-Request-Id"},
                                 {"Vary", "Origin"}};
    }
    return {0, {}};
}

// What a browser asks before it sends a request to another origin than its page's.
std::optional<HttpResponse> Connection::answer_here(const HttpRequest& request) const {
    const bool preflight = request.method == "OPTIONS" && request.header("access-control-request-method");
    if (!preflight || current_.cors_headers.empty()) return std::nullopt;
    HttpResponse response;
    response.status = 204;
    response.content_type.clear();
    const std::string_view wanted = request.header("access-control-request-headers").value_or("");
    response.headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
                        {"Access-Control-Max-Age", "600"}};
    if (!wanted.empty()) response.headers.emplace_back("Access-Control-Allow-Headers", wanted);
    return response;
}

}  // namespace kvasir
