// TLS over TCP. Here a buffer waits with the connection, as OpenSSL must read to know whether there is
// something to read.
#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/byte_stream.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadBytes = 4 * 1024;

class TlsStream final : public ByteStream {
  public:
    TlsStream(StreamSocket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {
        SSL_set_mode(stream_.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    }

    asio::awaitable<NetError> handshake() override {
        NetError error;
        co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                         asio::redirect_error(asio::use_awaitable, error));
        co_return error;
    }

    asio::awaitable<NetError> read_some(std::string& into, std::size_t bytes_max) override {
        NetError error;
        const asio::mutable_buffer buffer(read_buffer_.data(), std::min(bytes_max, read_buffer_.size()));
        const std::size_t count =
            co_await stream_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
        if (!error) into.append(read_buffer_.data(), count);
        // A peer that closes without the TLS goodbye is an end like any other: HTTP frames its messages
        // itself.
        if (error == asio::ssl::error::stream_truncated) error = asio::error::eof;
        co_return error;
    }

    asio::awaitable<WriteProgress> write_some(std::string_view bytes) override {
        WriteProgress progress{NetError(), 0};
        const asio::const_buffer buffer(bytes.data(), bytes.size());
        progress.bytes = co_await stream_.async_write_some(
            buffer, asio::redirect_error(asio::use_awaitable, progress.error));
        co_return progress;
    }

    // Sends the TLS goodbye and waits for the peer's, or until close(): the caller limits the time. Reading
    // goes on beside it.
    asio::awaitable<void> shutdown_send() override {
        NetError ignored;
        co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
    }

    void close() override {
        NetError ignored;
        stream_.lowest_layer().close(ignored);
    }

  private:
    asio::ssl::stream<StreamSocket> stream_;
    std::array<char, kReadBytes> read_buffer_{};
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_stream(StreamSocket socket, asio::ssl::context& context) {
    return std::make_unique<TlsStream>(std::move(socket), context);
}

}  // namespace kvasir
