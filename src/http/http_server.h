// An HTTP/1.1 server on Boost.Beast and Asio coroutines: a few threads serve many connections.
//
// Keep-alive, chunked streams, TLS, TCP and unix sockets. Every buffer, queue and wait has a limit here.
// Owned by the program; start() and stop() from its main thread; handlers run on the server's threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/http.h"

namespace kvasir {

struct HttpOptions {
    std::string host = "127.0.0.1";  // "": no TCP, the unix socket alone
    std::uint16_t port = 0;          // 0: any free one; see HttpServer::port()
    std::string unix_path;  // "" none. Mode 0600; a stale socket file is replaced, a living one is kConflict
    // The like, for the user who runs the server alone (SocketKind::kOwner). When nobody can listen there the
    // server goes on without: owner_socket() says why.
    std::string owner_path;
    std::uint32_t threads = 2;
    std::string tls_certificate_path;  // PEM chain; both or none
    std::string tls_key_path;
    std::vector<std::string> hosts_allowed;    // Host names beside loopback names and `host`; "*" allows all
    std::vector<std::string> origins_allowed;  // CORS; another Origin is refused (403). "*" allows all
    std::uint32_t connections_max = 4096;  // when they are used up, those that wait make room for new ones
    std::uint64_t header_bytes_max = 64 * 1024;
    std::uint64_t body_bytes_max = 32ULL * 1024 * 1024;
    std::uint64_t stream_buffer_bytes_max = 1024 * 1024;
    // None of the timeouts may be 0.
    std::uint32_t request_timeout_ms = 30'000;  // from the first byte of a request to its last
    std::uint32_t idle_timeout_ms = 75'000;     // between requests of one connection
    std::uint32_t write_timeout_ms = 30'000;    // a client that takes nothing for so long is cut off
    std::uint32_t stream_comment_ms = 10'000;   // 0: none
};

class HttpServer {
  public:
    static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, HttpHandler handler,
                                                     HttpErrorForm error_form);
    virtual ~HttpServer() = default;  // stops
    virtual std::uint16_t port() const = 0;
    virtual const Status& owner_socket() const = 0;
    // No new connections and requests; running exchanges may finish.
    virtual void stop_accepting() = 0;
    virtual std::uint32_t open_exchanges() const = 0;
    virtual std::uint32_t open_connections() const = 0;
    // Closes everything, joins the threads. Idempotent.
    virtual void stop() = 0;
};

}  // namespace kvasir
