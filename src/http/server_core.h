// What listeners and connections share: the io_context, the options, the owner's functions, the counts. Made
// by the server, kept alive by every connection, so that it may outlive the server. Immutable but for the
// counts and the lists of wires, which any thread may use.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "http/host_check.h"
#include "http/http_server.h"
#include "http/waiting_connections.h"
#include "http/wire.h"

namespace kvasir {

class ServerCore {
  public:
    ServerCore(const HttpOptions& http_options, HttpHandler http_handler, HttpErrorForm http_error_form,
               std::shared_ptr<boost::asio::ssl::context> tls_context);

    // The owner's functions, with their exceptions caught.
    HttpResponse error_response(int status, std::string_view message, std::string_view path) const;
    void handle(std::shared_ptr<HttpExchange> exchange) const;

    void add_wire(const std::shared_ptr<Wire>& wire);
    void remove_wire(const Wire* wire);
    std::vector<std::shared_ptr<Wire>> wires() const;

    boost::asio::io_context context;
    const HttpOptions options;
    const AccessRules rules;
    const std::shared_ptr<boost::asio::ssl::context> tls;  // null: none
    std::atomic<bool> draining{false};                     // no new requests
    std::atomic<std::uint32_t> open_exchanges{0};
    std::atomic<std::uint32_t> open_connections{0};
    std::atomic<std::uint32_t> refusals{0};  // connections over the limit that are being told so
    WaitingConnections waiting;

  private:
    const HttpHandler handler_;
    const HttpErrorForm error_form_;
    mutable std::mutex mutex_;
    std::unordered_map<const Wire*, std::weak_ptr<Wire>> wires_;
};

// Counts as long as it lives.
class CountGuard {
  public:
    explicit CountGuard(std::atomic<std::uint32_t>& count) : count_(count) { ++count_; }
    CountGuard(const CountGuard&) = delete;
    CountGuard& operator=(const CountGuard&) = delete;
    ~CountGuard() { --count_; }

  private:
    std::atomic<std::uint32_t>& count_;
};

}  // namespace kvasir
