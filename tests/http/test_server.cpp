#include "http/test_server.h"

#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace kvasir::test {

bool becomes_true(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

void HeldExchanges::put(std::shared_ptr<HttpExchange> exchange) {
    {
        const std::lock_guard lock(mutex_);
        exchanges_.push_back(std::move(exchange));
    }
    arrived_.notify_one();
}

std::shared_ptr<HttpExchange> HeldExchanges::next(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, limit, [&] { return !exchanges_.empty(); })) return nullptr;
    std::shared_ptr<HttpExchange> exchange = std::move(exchanges_.front());
    exchanges_.pop_front();
    return exchange;
}

TestServer::TestServer(const HttpOptions& options) {
    HttpHandler handler = [held = held_, echo = echo_handler()](std::shared_ptr<HttpExchange> exchange) {
        if (exchange->request().path.starts_with("/held")) return held->put(std::move(exchange));
        echo(exchange);
    };
    Result<std::unique_ptr<HttpServer>> server =
        HttpServer::start(options, std::move(handler), plain_error_form());
    if (!server) throw std::runtime_error(server.error().message);
    server_ = std::move(*server);
}

std::shared_ptr<HttpExchange> TestServer::hold(RawClient& client) {
    EXPECT_TRUE(client.send(get_request("/held")));
    std::shared_ptr<HttpExchange> exchange = next();
    if (!exchange) throw std::runtime_error("the request did not reach the handler");
    return exchange;
}

HttpHandler echo_handler() {
    return [](const std::shared_ptr<HttpExchange>& exchange) {
        const HttpRequest& request = exchange->request();
        HttpResponse response;
        response.content_type = "text/plain";
        response.body = request.method + " " + request.path + "\n";
        for (const auto& [name, value] : request.query) response.body += name + "=" + value + "\n";
        response.body += "\n" + request.body;
        exchange->respond(std::move(response));
    };
}

HttpErrorForm plain_error_form() {
    return [](int status, std::string_view message, std::string_view path) {
        HttpResponse response;
        response.content_type = "text/plain";
        response.body = std::to_string(status) + "|" + std::string(message) + "|" + std::string(path);
        return response;
    };
}

std::string get_request(const std::string& path, const std::string& more_headers) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_headers + "\r\n";
}

}  // namespace kvasir::test
