#include "server/server.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "server/routes.h"
#include "server/server_context.h"

namespace kvasir {

namespace {

constexpr auto kDrainPoll = std::chrono::milliseconds(20);

ApiError wrong_key(KeyCheck check) {
    return unauthorized(
        check == KeyCheck::kMissing
            ? "an API key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'"
            : "this API key is not known");
}

class KvasirServer final : public Server {
  public:
    KvasirServer(const ServerOptions& options, Scheduler& scheduler, std::vector<ModelSpec> models,
                 EventHub& events, const Clock& clock)
        : options_(options),
          events_(events),
          memory_watch_(options.memory_watch, scheduler),
          session_expiry_(options.session_expiry, scheduler, clock),
          store_watch_(options.store_watch, scheduler, clock),
          rewarmer_(scheduler),
          context_{options_,
                   scheduler,
                   clock,
                   events,
                   memory_watch_,
                   store_watch_,
                   ApiKeys(options.api_keys),
                   models,
                   options.model_alias.empty() ? models.front().name : options.model_alias,
                   clock.unix_ms(),
                   draining_,
                   running_responses_,
                   rewarmer_} {}
    ~KvasirServer() override {
        events_.close_all();
        if (http_) http_->stop();
    }

    Status listen() {
        auto http = HttpServer::start(
            options_.http, [this](std::shared_ptr<HttpExchange> exchange) { dispatch(std::move(exchange)); },
            [](int status, std::string_view message, std::string_view path) {
                return error_response(protocol_of(path), http_error(status, std::string(message)));
            });
        if (!http) return fail(std::move(http).error());
        http_ = std::move(*http);
        return {};
    }
    std::uint16_t port() const override { return http_->port(); }
    const Status& owner_socket() const override { return http_->owner_socket(); }
    void drain() override;

  private:
    void dispatch(std::shared_ptr<HttpExchange> exchange);

    ServerOptions options_;
    EventHub& events_;
    std::atomic<bool> draining_{false};
    MemoryWatch memory_watch_;
    SessionExpiry session_expiry_;
    RunningResponses running_responses_;
    StoreWatch store_watch_;
    Rewarmer rewarmer_;
    ServerContext context_;
    std::unique_ptr<HttpServer> http_;
};

void KvasirServer::dispatch(std::shared_ptr<HttpExchange> exchange) {
    const HttpRequest& request = exchange->request();
    const RouteMatch match = match_route(request.method, request.path);
    const Protocol form = match.route != nullptr ? match.route->protocol : protocol_of(request.path);
    RouteCall call{context_, exchange, match.agent, match.item, match.part, form};
    const bool owner = request.socket == SocketKind::kOwner;
    const KeyCheck key = owner ? KeyCheck::kOpen : context_.keys.check(request);
    const bool may = key == KeyCheck::kOpen || key == KeyCheck::kRight;
    // Nobody without a key learns which paths there are.
    if (!may && (match.route == nullptr || match.route->access == Access::kKey))
        return respond_error(call, wrong_key(key));
    if (match.route == nullptr) {
        ApiError error = match.path_known
                             ? http_error(405, fmt::format("{} does not go here; {} does", request.method,
                                                           match.methods_allowed))
                             : http_error(404, "there is no such path; GET /docs lists them");
        if (match.path_known) error.headers.emplace_back("allow", match.methods_allowed);
        return respond_error(call, error);
    }
    match.route->handle(call);
}

void KvasirServer::drain() {
    draining_.store(true);
    store_watch_.end();
    http_->stop_accepting();
    events_.close_all();
    context_.scheduler.drain(options_.drain_timeout_ms);
    // What was answered last may still be on its way out.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (http_->open_exchanges() > 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(kDrainPoll);
    http_->stop();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Scheduler& scheduler,
                                              EventHub& events, const Clock& clock) {
    KVASIR_TRY(check_api_keys(options.api_keys));
    std::vector<ModelSpec> models;
    for (const ModelStatus& model : scheduler.models()) models.push_back(model.spec);
    auto server = std::make_unique<KvasirServer>(options, scheduler, std::move(models), events, clock);
    KVASIR_TRY(server->listen());
    return server;
}

}  // namespace kvasir
