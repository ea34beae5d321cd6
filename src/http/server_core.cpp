#include "http/server_core.h"

#include <utility>

#include "base/log.h"

namespace kvasir {

ServerCore::ServerCore(const HttpOptions& http_options, HttpHandler http_handler,
                       HttpErrorForm http_error_form, std::shared_ptr<boost::asio::ssl::context> tls_context)
    : context(static_cast<int>(http_options.threads)),
      options(http_options),
      rules(make_access_rules(http_options.host, http_options.hosts_allowed, http_options.origins_allowed,
                              tls_context != nullptr)),
      tls(std::move(tls_context)),
      handler_(std::move(http_handler)),
      error_form_(std::move(http_error_form)) {}

HttpResponse ServerCore::error_response(int status, std::string_view message, std::string_view path) const {
    try {
        HttpResponse response = error_form_(status, message, path);
        response.status = status;
        return response;
    } catch (const std::exception& e) {
        log(LogLevel::kError, "http_error_form_threw", e.what());
    } catch (...) {
        log(LogLevel::kError, "http_error_form_threw");
    }
    return HttpResponse{status, "text/plain; charset=utf-8", {}, std::string(message) + "\n"};
}

// A handler that throws has dropped its exchange; that is answered with a 500.
void ServerCore::handle(std::shared_ptr<HttpExchange> exchange) const {
    try {
        handler_(std::move(exchange));
    } catch (const std::exception& e) {
        log(LogLevel::kError, "http_handler_threw", e.what());
    } catch (...) {
        log(LogLevel::kError, "http_handler_threw");
    }
}

void ServerCore::add_wire(const std::shared_ptr<Wire>& wire) {
    const std::lock_guard lock(mutex_);
    wires_[wire.get()] = wire;
}

void ServerCore::remove_wire(const Wire* wire) {
    const std::lock_guard lock(mutex_);
    wires_.erase(wire);
}

std::vector<std::shared_ptr<Wire>> ServerCore::wires() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Wire>> wires;
    wires.reserve(wires_.size());
    for (const auto& [address, weak] : wires_) {
        if (std::shared_ptr<Wire> wire = weak.lock()) wires.push_back(std::move(wire));
    }
    return wires;
}

}  // namespace kvasir
