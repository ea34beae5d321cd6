// Opening listening sockets: addresses, stale socket files, and sentences for what can go wrong.
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/strand.hpp>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/listener.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr std::size_t kSocketPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;  // and a NUL

enum class SocketFile { kNone, kStale, kLiving, kForeign };

Result<tcp::endpoint> resolve(asio::io_context& context, const std::string& host, std::uint16_t port) {
    NetError error;
    const asio::ip::address address = asio::ip::make_address(host, error);
    if (!error) return tcp::endpoint(address, port);
    tcp::resolver resolver(context);
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
    if (error || found.empty()) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the address '{}' to listen on is not known", host));
    }
    for (const auto& entry : found) {
        if (entry.endpoint().address().is_v4()) return entry.endpoint();
    }
    return found.begin()->endpoint();
}

Error bind_error(const std::string& host, std::uint16_t port, const NetError& error) {
    if (error == asio::error::address_in_use) {
        return {ErrorCode::kConflict,
                fmt::format("port {} on {} is in use by another program: stop it or choose another port",
                            port, host)};
    }
    return {ErrorCode::kInvalidArgument,
            fmt::format("cannot listen on {} port {}: {}", host, port, error.message())};
}

SocketFile look_at(asio::io_context& context, const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return SocketFile::kNone;
    if (!S_ISSOCK(status.st_mode)) return SocketFile::kForeign;
    Local::socket probe(context);
    NetError error;
    probe.connect(Local::endpoint(path), error);
    return error == asio::error::connection_refused ? SocketFile::kStale : SocketFile::kLiving;
}

Status make_room(asio::io_context& context, const std::string& path) {
    switch (look_at(context, path)) {
        case SocketFile::kNone:
            return {};
        case SocketFile::kStale:
            if (::unlink(path.c_str()) == 0) return {};
            return fail(ErrorCode::kInvalidArgument,
                        fmt::format("cannot remove the stale socket '{}'", path));
        case SocketFile::kLiving:
            return fail(ErrorCode::kConflict,
                        fmt::format("another program listens on the socket '{}'", path));
        case SocketFile::kForeign:
            break;
    }
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' exists and is not a socket", path));
}

}  // namespace

Result<std::shared_ptr<Listener>> listen_on_tcp(std::shared_ptr<ServerCore> core, const std::string& host,
                                                std::uint16_t port) {
    KVASIR_TRY_ASSIGN(const tcp::endpoint endpoint, resolve(core->context, host, port));
    Acceptor acceptor(asio::make_strand(core->context));
    NetError error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
    if (error) return fail(bind_error(host, port, error));
    return std::make_shared<Listener>(std::move(core), SocketKind::kTcp, std::move(acceptor));
}

Result<std::shared_ptr<Listener>> listen_on_unix(std::shared_ptr<ServerCore> core, const std::string& path,
                                                 SocketKind kind) {
    if (path.size() > kSocketPathBytesMax) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the path of the socket '{}' has {} bytes, and the system takes {} at most",
                                path, path.size(), kSocketPathBytesMax));
    }
    try {
        const Local::endpoint endpoint(path);
        KVASIR_TRY(make_room(core->context, path));
        Acceptor acceptor(asio::make_strand(core->context));
        acceptor.open(endpoint.protocol());
        acceptor.bind(endpoint);
        // Nobody can connect before listen(), so the mode is right from the first connection on.
        if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) {
            return fail(ErrorCode::kInvalidArgument,
                        fmt::format("cannot set the mode of the socket '{}'", path));
        }
        acceptor.listen(Acceptor::max_listen_connections);
        auto listener = std::make_shared<Listener>(std::move(core), kind, std::move(acceptor));
        listener->own_file(path);
        return listener;
    } catch (const boost::system::system_error& e) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("cannot listen on the socket '{}': {}", path, e.code().message()));
    }
}

}  // namespace kvasir
