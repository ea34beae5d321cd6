// Requests on one connection, as they come in: whole, and in pieces. Both ways must see the same requests: a
// proxy and we would disagree about where one ends otherwise. Input: one byte, the size of the pieces; then
// the bytes.
#include <optional>

#include "fuzz/byte_feed.h"

#include "http/host_check.h"
#include "http/request_id.h"
#include "http/request_parser.h"
#include "http/response_head.h"

namespace kvasir::fuzz {

namespace {

constexpr RequestLimits kLimits{2048, 4096};

struct Seen {
    std::vector<HttpRequest> requests;
    int error_status = 0;
};

bool operator==(const HttpRequest& a, const HttpRequest& b) {
    return a.method == b.method && a.path == b.path && a.query == b.query && a.headers == b.headers &&
           a.body == b.body;
}

void check_head(const std::string& head) {
    const std::size_t end = head.find("\r\n\r\n");
    require(end == head.size() - 4, "a response's head ends where it ends");
    for (std::size_t i = 0; i < end; ++i)
        require(head[i] != '\r' || head[i + 1] == '\n', "no stray line end in a response's head");
}

// What a client chose, given back: nothing of it may begin a line of its own.
void check_responses(const HttpRequest& request) {
    check_head(format_head({}, request.headers, {}));
    HttpHeaders unchecked = request.headers;
    unchecked.emplace_back("x-body", request.body);
    unchecked.emplace_back(request.body, request.path);
    ResponseHead head;
    head.content_type = "text/plain";
    head.framing = request.body.empty() ? BodyFraming::kNone : BodyFraming::kChunked;
    head.after = AfterResponse::kClose;
    check_head(format_head(head, {}, unchecked));
    head.status = request.body.empty() ? 204 : 200;
    require(status_has_body(head.status) != request.body.empty(), "a 204 has no body");
    if (request.body.empty()) return;
    const std::string chunk = format_chunk(request.body);
    require(chunk.ends_with("\r\n") && chunk.find(request.body) != std::string::npos,
            "a chunk holds the body");
}

void check_request(const HttpRequest& request) {
    require(request.path.starts_with('/'), "a path begins with a slash");
    require(request.path.find('\0') == std::string::npos, "a path has no NUL");
    require(request.body.size() <= kLimits.body_bytes_max, "a body is within its limit");
    std::size_t header_bytes = 0;
    for (const auto& [name, value] : request.headers) header_bytes += name.size() + value.size();
    require(header_bytes <= kLimits.header_bytes_max, "a header is within its limit");
    const AccessRules rules = make_access_rules("127.0.0.1", {"a.example"}, {"https://b.example"}, false);
    const auto host = request.header("host").value_or("");
    (void)host_is_allowed(rules, host);
    (void)judge_origin(rules, request.header("origin").value_or(""), host);
    (void)is_usable_request_id(request.header("x-request-id").value_or(""));
    require(is_usable_request_id(make_request_id()), "an id of ours is one");
    check_responses(request);
}

Seen read_all(std::string_view bytes, std::size_t piece) {
    Seen seen;
    std::string waiting;
    std::optional<RequestParser> parser;
    while (!bytes.empty()) {
        waiting += bytes.substr(0, piece);
        bytes.remove_prefix(std::min(piece, bytes.size()));
        while (parser || !waiting.empty()) {
            if (!parser) parser.emplace(kLimits);
            const RequestParser::Progress progress = parser->consume(waiting);
            if (progress == RequestParser::Progress::kNeedsMore) break;
            if (progress == RequestParser::Progress::kFailed) {
                seen.error_status = parser->error().status;
                require(seen.error_status >= 400 && seen.error_status < 600,
                        "a request that fails has a status");
                require(!parser->error().message.empty(), "and a sentence");
                return seen;
            }
            if (progress == RequestParser::Progress::kHeaderComplete) continue;
            check_request(parser->request());
            seen.requests.push_back(std::move(parser->request()));
            const bool ends = !parser->keep_alive();
            parser.reset();
            if (ends) return seen;
        }
    }
    return seen;
}

}  // namespace

Outcome run_target(Input input) {
    ByteFeed feed(input);
    const std::size_t piece = 1 + feed.byte() % 64U;
    const std::string_view bytes = text_of(feed.rest());
    const Seen whole = read_all(bytes, std::max<std::size_t>(bytes.size(), 1));
    const Seen in_pieces = read_all(bytes, piece);
    require(whole.requests.size() == in_pieces.requests.size(), "as many requests, however they come in");
    for (std::size_t i = 0; i < whole.requests.size(); ++i)
        require(whole.requests[i] == in_pieces.requests[i], "the same requests, however they come in");
    // One way may already be refused where the other still waits for the end of the header; it never gets a
    // request more.
    if (whole.requests.empty()) return Outcome::kRefused;
    return whole.requests.front().path == "/z" ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
