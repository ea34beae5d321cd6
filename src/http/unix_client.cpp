#include "http/unix_client.h"

#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

namespace kvasir {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using NetError = boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

// How long an operation runs before somebody looks whether it is still wanted.
constexpr std::chrono::milliseconds kLookAround{20};
constexpr std::size_t kReadBytes = 16 * 1024;

class Conversation {
  public:
    explicit Conversation(const ClientRequest& request) : request_(request) {
        parser_.body_limit(request.body_bytes_max);
    }

    Status connect(const std::string& path);
    Status send();
    Result<ClientResponse> receive();

  private:
    // Runs what `begin` began to its end. `begin` gets the handler.
    template <class Begin>
    Result<NetError> finish(Begin begin);
    Status take(std::string_view bytes);
    Result<NetError> read_some();
    Error broken(NetError error) const;

    const ClientRequest& request_;
    std::uint32_t silence_ms_max_ = request_.silence_ms_max;
    asio::io_context context_{1};
    Local::socket socket_{context_};
    beast::flat_buffer buffer_;
    http::response_parser<http::buffer_body> parser_;
    std::array<char, kReadBytes> bytes_{};
    ClientResponse response_;
};

Error Conversation::broken(NetError error) const {
    if (error != http::error::body_limit)
        return {ErrorCode::kUnavailable, "the server went away before its answer was complete"};
    return {ErrorCode::kUnavailable,
            fmt::format("the server's answer has more than {} bytes", request_.body_bytes_max)};
}

template <class Begin>
Result<NetError> Conversation::finish(Begin begin) {
    std::optional<NetError> outcome;
    begin([&outcome](NetError error, std::size_t = 0) { outcome = error; });
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(silence_ms_max_);
    std::optional<Error> stopped;
    while (!outcome) {
        context_.restart();
        context_.run_one_for(kLookAround);
        if (outcome || stopped) continue;
        if (request_.cancelled != nullptr && request_.cancelled->load()) {
            stopped = Error{ErrorCode::kCancelled, "stopped"};
        } else if (SteadyClock::now() > deadline) {
            stopped = Error{ErrorCode::kUnavailable, fmt::format("the server has said nothing for {} seconds",
                                                                 silence_ms_max_ / 1000)};
        }
        NetError ignored;
        if (stopped) socket_.close(ignored);  // ends the operation, whose handler is still to come
    }
    if (stopped) return fail(*std::move(stopped));
    return *outcome;
}

Status Conversation::connect(const std::string& path) {
    const Local::endpoint endpoint(path);
    KVASIR_TRY_ASSIGN(const NetError error,
                      finish([&](auto done) { socket_.async_connect(endpoint, std::move(done)); }));
    if (!error) return {};
    return fail(ErrorCode::kNotFound,
                fmt::format("nobody listens on the socket '{}': {}", path, error.message()));
}

Status Conversation::send() {
    http::request<http::string_body> message(http::string_to_verb(request_.method), request_.target, 11);
    message.set(http::field::host, "localhost");
    message.set(http::field::connection, "close");
    if (!request_.body.empty()) message.set(http::field::content_type, "application/json");
    message.body() = request_.body;
    message.prepare_payload();
    // One that was refused half-way has an answer that tells why.
    return finish([&](auto done) { http::async_write(socket_, message, std::move(done)); })
        .map([](const NetError&) {});
}

Status Conversation::take(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (request_.on_bytes && response_.status == 200) return request_.on_bytes(bytes);
    response_.body.append(bytes);
    return {};
}

Result<NetError> Conversation::read_some() {
    return finish([&](auto done) { http::async_read_some(socket_, buffer_, parser_, std::move(done)); });
}

Result<ClientResponse> Conversation::receive() {
    KVASIR_TRY_ASSIGN(NetError error, finish([&](auto done) {
                          http::async_read_header(socket_, buffer_, parser_, std::move(done));
                      }));
    if (error) return fail(broken(error));
    silence_ms_max_ = request_.body_silence_ms_max;
    response_.status = static_cast<int>(parser_.get().result_int());
    while (!parser_.is_done()) {
        parser_.get().body().data = bytes_.data();
        parser_.get().body().size = bytes_.size();
        KVASIR_TRY_ASSIGN(error, read_some());
        if (error == http::error::need_buffer) error = {};
        KVASIR_TRY(take({bytes_.data(), bytes_.size() - parser_.get().body().size}));
        if (error) return fail(broken(error));
    }
    return std::move(response_);
}

}  // namespace

Result<ClientResponse> ask_unix_socket(const std::string& path, const ClientRequest& request) {
    try {
        Conversation conversation(request);
        KVASIR_TRY(conversation.connect(path));
        KVASIR_TRY(conversation.send());
        return conversation.receive();
    } catch (const std::exception& e) {
        return fail(ErrorCode::kUnavailable,
                    fmt::format("cannot talk to a server on the socket '{}': {}", path, e.what()));
    }
}

}  // namespace kvasir
