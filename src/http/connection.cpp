#include "http/connection.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/names.h"
#include "http/request_id.h"

namespace kvasir {
namespace asio = boost::asio;

Registration::Registration(ServerCore& core, const std::shared_ptr<Wire>& wire, Admission admission)
    : core_(core),
      wire_(wire.get()),
      count_(admission == Admission::kServed ? core.open_connections : core.refusals) {
    core_.add_wire(wire);
}

Registration::~Registration() { core_.remove_wire(wire_); }

Connection::Connection(std::shared_ptr<ServerCore> core, std::shared_ptr<Wire> wire, ConnectionTraits traits)
    : core_(std::move(core)), wire_(std::move(wire)), traits_(std::move(traits)) {}

asio::awaitable<void> Connection::run() {
    wire_->start();
    const bool ready = co_await finish_handshake();
    if (!ready) co_return;
    if (traits_.admission == Admission::kRefused) {
        current_.request_id = make_request_id();
        co_await send_error(503, "too many connections");
        log_access();
    }
    while (!ended_ && !wire_->aborted()) {
        HttpRequest request;
        const Read read = co_await read_request(request);
        if (read == Read::kEnd) break;
        if (read == Read::kRequest) co_await answer(request);
        log_access();
    }
    co_await wire_->linger();
}

// One line for each request when it is over. Not the query and no header: those may hold what is secret.
void Connection::log_access() const {
    if (log_level() > LogLevel::kInfo) return;
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> took = now - std::min(current_.begun, now);
    const char* socket = traits_.socket == SocketKind::kTcp     ? "tcp"
                         : traits_.socket == SocketKind::kOwner ? "owner"
                                                                : "unix";
    log(LogLevel::kInfo, "access",
        fmt::format("id={} from={} method={} path={} status={} bytes={} ms={:.1f}{}", current_.request_id,
                    traits_.peer.empty() ? socket : traits_.peer, printable(current_.method),
                    printable(current_.path), current_.status, current_.bytes_sent, took.count(),
                    current_.cut_off ? " cut_off" : ""));
}

asio::awaitable<bool> Connection::finish_handshake() {
    const WaitingGuard waiting(core_->waiting, wire_, WaitingConnections::Kind::kSilent);
    const SteadyTime deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(core_->options.request_timeout_ms);
    while (!wire_->handshake_done()) {
        if (wire_->aborted()) co_return false;
        const Wire::Waited waited = co_await wire_->wait(deadline);
        if (waited == Wire::Waited::kTimedOut) co_return false;
    }
    co_return true;
}

asio::awaitable<void> serve_connection(std::shared_ptr<ServerCore> core, std::shared_ptr<Wire> wire,
                                       std::shared_ptr<Registration> registration, ConnectionTraits traits) {
    Connection connection(core, wire, std::move(traits));
    try {
        co_await connection.run();
    } catch (const std::exception& e) {
        log(LogLevel::kError, "http_connection_failed", e.what());
    }
    wire->abort();
    registration.reset();
}

}  // namespace kvasir
