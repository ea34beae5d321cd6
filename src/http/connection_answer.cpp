// How a connection answers: whole responses, streams with their keep-alive comments, errors of the server
// itself.
#include <chrono>
#include <utility>

#include "http/connection.h"
#include "http/request_id.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;

// What may wait of a client's next requests while one is answered. Beyond it the client is no longer read.
constexpr std::size_t kPipelinedBytesMax = 16 * 1024;
// A small body travels in one piece with its head.
constexpr std::size_t kJoinedBodyBytesMax = 64 * 1024;
constexpr std::string_view kComment = ": keep-alive\n\n";

bool is_event_stream(std::string_view content_type) {
    return content_type.substr(0, content_type.find(';')) == "text/event-stream";
}

void append_framed(std::string& text, std::string_view bytes, BodyFraming framing) {
    if (bytes.empty()) return;
    if (framing == BodyFraming::kChunked) {
        text += format_chunk(bytes);
    } else {
        text += bytes;
    }
}

}  // namespace

asio::awaitable<void> Connection::answer(HttpRequest& request) {
    const CountGuard count(core_->open_exchanges);
    const auto state =
        std::make_shared<ExchangeState>(std::move(request), core_->options.stream_buffer_bytes_max, wire_);
    wire_->release_incoming();
    wire_->want_input(kPipelinedBytesMax);
    core_->handle(make_exchange_handle(state));
    bool sent = false;
    try {
        sent = co_await answer_exchange(*state);
    } catch (...) {
        state->close();
        throw;
    }
    if (sent) {
        state->complete();
    } else {
        current_.cut_off = true;
        wire_->abort();
        state->close();
    }
}

// True when the whole answer is on its way to the client.
asio::awaitable<bool> Connection::answer_exchange(ExchangeState& state) {
    for (;;) {
        ExchangeOutput output = state.take();
        const bool answered = output.response || output.stream_head || output.abandoned;
        if (answered) {
            bool sent = false;
            if (output.response) {
                wire_->set_input_end(Wire::InputEnd::kIsFine);
                sent = co_await send_response(*output.response);
            } else if (output.stream_head) {
                sent = co_await send_stream(state, output);
            } else {
                sent = co_await send_error(500, "the request was not answered");
            }
            co_return sent;
        }
        wire_->set_input_end(Wire::InputEnd::kAborts);
        if (wire_->aborted()) co_return false;
        co_await wire_->wait(SteadyTime::max());
    }
}

asio::awaitable<bool> Connection::send_stream(ExchangeState& state, ExchangeOutput& output) {
    const BodyFraming framing = current_.version >= 11 ? BodyFraming::kChunked : BodyFraming::kToEnd;
    const bool comments =
        is_event_stream(output.stream_head->content_type) && core_->options.stream_comment_ms > 0;
    const std::chrono::milliseconds comment_interval(core_->options.stream_comment_ms);
    std::string text = stream_head(*output.stream_head, framing);
    const std::string keep_alive = std::move(output.stream_head->keep_alive);
    output.stream_head.reset();
    wire_->set_input_end(Wire::InputEnd::kAborts);
    SteadyTime comment_time = SteadyTime::max();
    for (;;) {
        if (!current_.head_only) append_framed(text, output.stream_bytes, framing);
        std::string().swap(output.stream_bytes);  // an idle stream holds no bytes
        const bool finished = output.stream_finished || current_.head_only;
        if (finished && framing == BodyFraming::kChunked && !current_.head_only) text += kLastChunk;
        if (!text.empty()) {
            current_.bytes_sent += text.size();
            const bool sent = co_await wire_->write(text);
            state.stream_bytes_sent();
            if (!sent) co_return false;
            if (comments) comment_time = std::chrono::steady_clock::now() + comment_interval;
        }
        if (finished) co_return true;
        if (output.abandoned || state.closed() || wire_->aborted()) co_return false;
        std::string().swap(text);
        const Wire::Waited waited = co_await wire_->wait(comment_time);
        output = state.take();
        if (waited == Wire::Waited::kTimedOut && output.stream_bytes.empty())
            append_framed(text, keep_alive.empty() ? kComment : std::string_view(keep_alive), framing);
    }
}

std::string Connection::stream_head(const StreamHead& head, BodyFraming framing) {
    if (framing == BodyFraming::kToEnd) current_.keep_alive = false;
    current_.status = head.status;
    const ResponseHead response{head.status, head.content_type, current_.request_id, framing,
                                0,           decide_after()};
    return format_head(response, head.headers, current_.cors_headers);
}

asio::awaitable<bool> Connection::send_response(const HttpResponse& response) {
    const BodyFraming framing = status_has_body(response.status) ? BodyFraming::kLength : BodyFraming::kNone;
    const ResponseHead head{response.status, response.content_type, current_.request_id,
                            framing,         response.body.size(),  decide_after()};
    std::string text = format_head(head, response.headers, current_.cors_headers);
    const bool body_follows = framing == BodyFraming::kLength && !current_.head_only;
    const bool joined = body_follows && response.body.size() <= kJoinedBodyBytesMax;
    current_.status = response.status;
    current_.bytes_sent += text.size() + (body_follows ? response.body.size() : 0);
    if (joined) text += response.body;
    bool sent = co_await wire_->write(text);
    if (sent && body_follows && !joined) sent = co_await wire_->write(response.body);
    co_return sent;
}

// The connection ends after it: what follows in the input may be the rest of a request that was not read.
asio::awaitable<bool> Connection::send_error(int status, std::string_view message) {
    current_.keep_alive = false;
    if (current_.request_id.empty()) current_.request_id = make_request_id();
    const HttpResponse response = core_->error_response(status, message, current_.path);
    const bool sent = co_await send_response(response);
    co_return sent;
}

AfterResponse Connection::decide_after() {
    ended_ = !current_.keep_alive || core_->draining;
    return ended_ ? AfterResponse::kClose : AfterResponse::kKeepAlive;
}

}  // namespace kvasir
