// A server for one test. Paths under /held wait for the test to answer them; all others are echoed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "http/http_server.h"
#include "http/raw_client.h"

namespace kvasir::test {

// Polls until it is true, at most `limit`.
bool becomes_true(const std::function<bool()>& condition, std::chrono::milliseconds limit = kPatience);

// Exchanges on their way from the handler to the test.
class HeldExchanges {
  public:
    void put(std::shared_ptr<HttpExchange> exchange);
    std::shared_ptr<HttpExchange> next(std::chrono::milliseconds limit = kPatience);  // null: none came

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::shared_ptr<HttpExchange>> exchanges_;
};

class TestServer {
  public:
    explicit TestServer(const HttpOptions& options = {});

    HttpServer& server() { return *server_; }
    std::uint16_t port() const { return server_->port(); }
    RawClient client() const { return RawClient::tcp(port()); }
    std::shared_ptr<HttpExchange> next(std::chrono::milliseconds limit = kPatience) {
        return held_->next(limit);
    }
    // Sends GET /held; answers the exchange when it has reached the handler.
    std::shared_ptr<HttpExchange> hold(RawClient& client);
    void destroy() { server_.reset(); }

  private:
    std::shared_ptr<HeldExchanges> held_ = std::make_shared<HeldExchanges>();
    std::unique_ptr<HttpServer> server_;
};

// Text of an echo: "METHOD path\nname=value\n...\n\nbody".
HttpHandler echo_handler();
HttpErrorForm plain_error_form();  // "status|message|path"

std::string get_request(const std::string& path, const std::string& more_headers = "");

}  // namespace kvasir::test
