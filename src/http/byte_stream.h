// One accepted connection as bytes: TCP, unix socket or TLS behind one interface, so that the connection is
// compiled once. Owned by its connection; all functions on the connection's strand. One read and one write
// may be under way at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

namespace boost::asio::ssl {
class context;
}

namespace kvasir {

using NetError = boost::system::error_code;
using StreamSocket = boost::asio::generic::stream_protocol::socket;

struct WriteProgress {
    NetError error;
    std::size_t bytes;
};

class ByteStream {
  public:
    ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;
    virtual ~ByteStream() = default;

    virtual boost::asio::awaitable<NetError> handshake() = 0;
    // Waits for bytes and appends up to `bytes_max` of them. The end of input is asio's error eof.
    virtual boost::asio::awaitable<NetError> read_some(std::string& into, std::size_t bytes_max) = 0;
    // Waits until the peer takes at least one byte.
    virtual boost::asio::awaitable<WriteProgress> write_some(std::string_view bytes) = 0;
    // Tells the peer that nothing more will come; may wait for its answer until close().
    virtual boost::asio::awaitable<void> shutdown_send() = 0;
    // Ends everything at once; pending operations fail.
    virtual void close() = 0;
};

std::unique_ptr<ByteStream> make_plain_stream(StreamSocket socket);
// `context` outlives the stream.
std::unique_ptr<ByteStream> make_tls_stream(StreamSocket socket, boost::asio::ssl::context& context);

}  // namespace kvasir
