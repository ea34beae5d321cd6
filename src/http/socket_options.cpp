#include "http/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace kvasir {
namespace {

// What the kernel keeps unsent for a slow client. By default it is megabytes, and a client that takes less
// than a third of them within the write timeout would look like one that takes nothing.
constexpr int kUnsentBytesMax = 128 * 1024;
constexpr int kKeepAliveIdleSeconds = 60;
constexpr int kKeepAliveIntervalSeconds = 15;

void set_option(int socket_fd, int level, int option, int value) {
    static_cast<void>(::setsockopt(socket_fd, level, option, &value, sizeof value));
}

}  // namespace

void set_socket_options(int socket_fd, SocketKind kind, [[maybe_unused]] std::uint32_t write_timeout_ms) {
    if (kind != SocketKind::kTcp) return;
    set_option(socket_fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket_fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket_fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesMax);
#ifdef __linux__
    set_option(socket_fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
    set_option(socket_fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
    set_option(socket_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(write_timeout_ms));
#else
    set_option(socket_fd, IPPROTO_TCP, TCP_KEEPALIVE, kKeepAliveIdleSeconds);
    set_option(socket_fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
#endif
}

}  // namespace kvasir
