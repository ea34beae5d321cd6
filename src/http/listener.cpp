#include "http/listener.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "http/connection.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;

// Out of descriptors or memory: accepting again at once would spin until somebody leaves.
constexpr std::chrono::milliseconds kAcceptPause{50};
// Connections over the limit that are told so at the same time; the others are closed without a word.
constexpr std::uint32_t kRefusalsMax = 64;
// Connections that were sent away for new ones and are not gone yet.
constexpr std::uint32_t kLeavingMax = 64;

bool is_one_clients_fault(const NetError& error) {
    return error == asio::error::connection_aborted || error == asio::error::interrupted;
}

// For the log; "" of unix sockets.
std::string address_of_peer(int descriptor) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    std::array<char, NI_MAXHOST> text{};
    auto* const generic = static_cast<sockaddr*>(static_cast<void*>(&address));
    if (::getpeername(descriptor, generic, &size) != 0 || address.ss_family == AF_UNIX) return {};
    const bool told = ::getnameinfo(generic, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0;
    return told ? std::string(text.data()) : std::string();
}

std::uint64_t inode_of(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

Listener::Listener(std::shared_ptr<ServerCore> core, SocketKind kind, Acceptor acceptor)
    : core_(std::move(core)), kind_(kind), acceptor_(std::move(acceptor)) {
    if (kind_ != SocketKind::kTcp) return;
    asio::ip::tcp::endpoint endpoint;
    const auto local = acceptor_.local_endpoint();
    std::copy_n(static_cast<const char*>(static_cast<const void*>(local.data())), local.size(),
                static_cast<char*>(static_cast<void*>(endpoint.data())));
    endpoint.resize(local.size());
    port_ = endpoint.port();
}

Listener::~Listener() { close_here(); }

void Listener::own_file(const std::string& path) {
    path_ = path;
    inode_ = inode_of(path);
}

void Listener::start() {
    asio::co_spawn(acceptor_.get_executor(), accept_all(shared_from_this()), asio::detached);
}

void Listener::close() {
    if (closed_.exchange(true)) return;
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> is_done = done->get_future();
    asio::post(acceptor_.get_executor(), [self = shared_from_this(), done] {
        self->close_here();
        done->set_value();
    });
    if (!core_->context.get_executor().running_in_this_thread()) is_done.wait();
}

void Listener::close_here() {
    NetError ignored;
    acceptor_.close(ignored);
    if (inode_ != 0 && inode_of(path_) == inode_) ::unlink(path_.c_str());
    inode_ = 0;
}

asio::awaitable<void> Listener::accept_all(std::shared_ptr<Listener> self) {
    asio::steady_timer pause(self->acceptor_.get_executor());
    while (self->acceptor_.is_open()) {
        NetError error;
        try {
            const asio::any_io_executor strand = asio::make_strand(self->core_->context);
            StreamSocket socket(strand);
            co_await self->acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
            if (!error) self->admit(std::move(socket), strand);
        } catch (const std::exception& e) {
            error = asio::error::no_memory;
            log(LogLevel::kError, "http_accept_failed", e.what());
        }
        if (!error || is_one_clients_fault(error) || !self->acceptor_.is_open()) continue;
        log(LogLevel::kWarning, "http_accept_paused", error.message());
        NetError ignored;
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

// When there are too many, who waits for its client makes room: a crowd that asks for nothing keeps nobody
// out.
bool Listener::has_room() {
    const std::uint32_t open = core_->open_connections;
    const std::uint32_t most = core_->options.connections_max;
    if (open < most) return true;
    return open < most + kLeavingMax && core_->waiting.send_one_away();
}

void Listener::admit(StreamSocket socket, const asio::any_io_executor& strand) {
    const bool full = !has_room();
    if (full && core_->refusals >= kRefusalsMax) return;
    ConnectionTraits traits{kind_, full ? Admission::kRefused : Admission::kServed,
                            address_of_peer(socket.native_handle())};
    set_socket_options(socket.native_handle(), kind_, core_->options.write_timeout_ms);
    const bool encrypted = core_->tls && kind_ == SocketKind::kTcp;
    auto stream =
        encrypted ? make_tls_stream(std::move(socket), *core_->tls) : make_plain_stream(std::move(socket));
    auto wire = std::make_shared<Wire>(core_, std::move(stream), strand, core_->options.write_timeout_ms);
    // Counted and listed before the coroutine runs, so that the limit holds and stop() misses none.
    auto registration = std::make_shared<Registration>(*core_, wire, traits.admission);
    asio::co_spawn(strand,
                   serve_connection(core_, std::move(wire), std::move(registration), std::move(traits)),
                   asio::detached);
}

}  // namespace kvasir
