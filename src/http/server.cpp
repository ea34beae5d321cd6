// The server: its threads, its listeners, and the way down.
#include <algorithm>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "http/http_server.h"
#include "http/listener.h"
#include "http/server_core.h"
#include "http/tls_context.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t kThreadsMax = 256;

void run_thread(ServerCore& core) {
    for (;;) {
        try {
            core.context.run();
            return;
        } catch (const std::exception& e) {
            log(LogLevel::kError, "http_thread_caught", e.what());
        } catch (...) {
            log(LogLevel::kError, "http_thread_caught");
        }
    }
}

class Server final : public HttpServer {
  public:
    explicit Server(std::shared_ptr<ServerCore> core)
        : core_(std::move(core)), work_(asio::make_work_guard(core_->context)) {}
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() override { stop(); }

    Status listen();
    Status start_threads();

    std::uint16_t port() const override { return port_; }
    const Status& owner_socket() const override { return owner_socket_; }
    void stop_accepting() override;
    std::uint32_t open_exchanges() const override { return core_->open_exchanges; }
    std::uint32_t open_connections() const override { return core_->open_connections; }
    void stop() override;

  private:
    const std::shared_ptr<ServerCore> core_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::vector<std::shared_ptr<Listener>> listeners_;
    std::vector<std::thread> threads_;
    std::uint16_t port_ = 0;
    Status owner_socket_;
    bool stopped_ = false;
};

Status Server::listen() {
    const HttpOptions& options = core_->options;
    if (!options.host.empty()) {
        KVASIR_TRY_ASSIGN(std::shared_ptr<Listener> tcp, listen_on_tcp(core_, options.host, options.port));
        port_ = tcp->port();
        listeners_.push_back(std::move(tcp));
    }
    if (!options.unix_path.empty()) {
        KVASIR_TRY_ASSIGN(std::shared_ptr<Listener> local,
                          listen_on_unix(core_, options.unix_path, SocketKind::kUnix));
        listeners_.push_back(std::move(local));
    }
    if (!options.owner_path.empty()) {
        auto owner = listen_on_unix(core_, options.owner_path, SocketKind::kOwner);
        if (owner)
            listeners_.push_back(std::move(*owner));
        else
            owner_socket_ = fail(std::move(owner).error());
    }
    return {};
}

Status Server::start_threads() {
    try {
        for (std::uint32_t i = 0; i < core_->options.threads; ++i) {
            threads_.emplace_back([core = core_] { run_thread(*core); });
        }
    } catch (const std::system_error& e) {
        return fail(ErrorCode::kUnavailable, fmt::format("cannot start HTTP threads: {}", e.what()));
    }
    for (const auto& listener : listeners_) listener->start();
    return {};
}

void Server::stop_accepting() {
    if (stopped_ || core_->draining.exchange(true)) return;
    if (threads_.empty()) return;  // start failed: nobody would answer
    for (const auto& listener : listeners_) listener->close();
    for (const auto& wire : core_->wires()) wire->wake();
}

void Server::stop() {
    if (stopped_) return;
    stop_accepting();
    stopped_ = true;
    for (const auto& wire : core_->wires()) wire->abort_soon();
    work_.reset();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    listeners_.clear();
}

Status check(const HttpOptions& options) {
    if (options.host.empty() && options.unix_path.empty()) {
        return fail(ErrorCode::kInvalidArgument,
                    "the HTTP server needs a host or a unix socket to listen on");
    }
    if (options.threads == 0 || options.threads > kThreadsMax) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("HTTP threads must be 1 to {}", kThreadsMax));
    }
    const std::uint32_t shortest =
        std::min({options.request_timeout_ms, options.idle_timeout_ms, options.write_timeout_ms});
    if (shortest == 0) return fail(ErrorCode::kInvalidArgument, "HTTP timeouts must be more than 0 ms");
    return {};
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options, HttpHandler handler,
                                                      HttpErrorForm error_form) {
    KVASIR_TRY(check(options));
    try {
        std::shared_ptr<asio::ssl::context> tls;
        if (!options.tls_certificate_path.empty() || !options.tls_key_path.empty()) {
            KVASIR_TRY_ASSIGN(tls, make_tls_context(options.tls_certificate_path, options.tls_key_path));
        }
        auto core =
            std::make_shared<ServerCore>(options, std::move(handler), std::move(error_form), std::move(tls));
        auto server = std::make_unique<Server>(std::move(core));
        KVASIR_TRY(server->listen());
        KVASIR_TRY(server->start_threads());
        return server;
    } catch (const std::exception& e) {
        return fail(ErrorCode::kUnavailable, fmt::format("cannot start the HTTP server: {}", e.what()));
    }
}

}  // namespace kvasir
