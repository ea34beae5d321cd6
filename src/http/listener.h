// A listening socket and the coroutine that accepts on it. Made by the server's start; afterwards owned by
// the server and by its own coroutine. close() may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "base/result.h"
#include "http/server_core.h"
#include "http/socket_options.h"

namespace kvasir {

using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

class Listener : public std::enable_shared_from_this<Listener> {
  public:
    Listener(std::shared_ptr<ServerCore> core, SocketKind kind, Acceptor acceptor);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    std::uint16_t port() const { return port_; }  // 0 for unix sockets
    // The file that stands for a unix socket; it is removed when the listener closes, if it is still the same
    // one.
    void own_file(const std::string& path);
    void start();
    // When it returns, nobody can connect any more. Does not wait when called on a thread of the io_context.
    void close();

  private:
    static boost::asio::awaitable<void> accept_all(std::shared_ptr<Listener> self);
    bool has_room();
    void admit(StreamSocket socket, const boost::asio::any_io_executor& strand);
    void close_here();

    const std::shared_ptr<ServerCore> core_;  // first: destroyed last
    const SocketKind kind_;
    Acceptor acceptor_;
    std::uint16_t port_ = 0;
    std::string path_;
    std::uint64_t inode_ = 0;
    std::atomic<bool> closed_{false};
};

// kConflict when the port is taken, kInvalidArgument when there is no such address here.
Result<std::shared_ptr<Listener>> listen_on_tcp(std::shared_ptr<ServerCore> core, const std::string& host,
                                                std::uint16_t port);
// `kind`: kUnix or kOwner. Mode 0600. kConflict when somebody listens there already, kInvalidArgument when
// the path is not usable.
Result<std::shared_ptr<Listener>> listen_on_unix(std::shared_ptr<ServerCore> core, const std::string& path,
                                                 SocketKind kind);

}  // namespace kvasir
