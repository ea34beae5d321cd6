// TCP and unix sockets. A connection that waits for bytes holds no buffer: it waits for readiness, then reads
// without waiting.
#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/byte_stream.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadBytes = 16 * 1024;

class PlainStream final : public ByteStream {
  public:
    explicit PlainStream(StreamSocket socket) : socket_(std::move(socket)) {
        NetError ignored;
        socket_.non_blocking(true, ignored);
    }

    asio::awaitable<NetError> handshake() override { co_return NetError(); }

    asio::awaitable<NetError> read_some(std::string& into, std::size_t bytes_max) override {
        for (;;) {
            NetError error = read_now(into, bytes_max);
            if (error != asio::error::would_block) co_return error;
            error = NetError();
            co_await socket_.async_wait(StreamSocket::wait_read,
                                        asio::redirect_error(asio::use_awaitable, error));
            if (error) co_return error;
        }
    }

    asio::awaitable<WriteProgress> write_some(std::string_view bytes) override {
        WriteProgress progress{NetError(), 0};
        const asio::const_buffer buffer(bytes.data(), bytes.size());
        progress.bytes = co_await socket_.async_write_some(
            buffer, asio::redirect_error(asio::use_awaitable, progress.error));
        co_return progress;
    }

    asio::awaitable<void> shutdown_send() override {
        NetError ignored;
        socket_.shutdown(StreamSocket::shutdown_send, ignored);
        co_return;
    }

    void close() override {
        NetError ignored;
        socket_.close(ignored);
    }

  private:
    // Through the stack, so that what is kept is no larger than what came.
    NetError read_now(std::string& into, std::size_t bytes_max) {
        std::array<char, kReadBytes> bytes;
        NetError error;
        const std::size_t count =
            socket_.read_some(asio::buffer(bytes.data(), std::min(bytes_max, bytes.size())), error);
        if (!error) into.append(bytes.data(), count);
        return error;
    }

    StreamSocket socket_;
};

}  // namespace

std::unique_ptr<ByteStream> make_plain_stream(StreamSocket socket) {
    return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace kvasir
