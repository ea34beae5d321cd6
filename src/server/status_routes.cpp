#include "server/status_routes.h"

#include <boost/json.hpp>

#include "server/memory_json.h"
#include "server/metrics_text.h"
#include "server/openapi.h"
#include "server/server_context.h"

namespace kvasir {

namespace {

namespace json = boost::json;

// The page has no script and loads nothing; a browser that runs one all the same has been fooled.
constexpr const char* kPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action "
    "'none'";

void respond_text(const RouteCall& call, const char* content_type, std::string body,
                  HttpHeaders headers = {}) {
    HttpResponse response;
    response.content_type = content_type;
    response.headers = std::move(headers);
    response.body = std::move(body);
    call.exchange->respond(std::move(response));
}

// What is told of each model, where there are several or not.
json::array models_json(const ServerContext& context) {
    json::array list;
    for (const ModelStatus& model : context.scheduler.models()) {
        list.push_back(
            {{"name", list.empty() && context.models.size() == 1 ? context.model_name : model.spec.name},
             {"state", to_string(model.state)},
             {"error", model.error},
             {"turns_waiting", model.stats.turns_waiting},
             {"turns_active", model.stats.turns_active}});
    }
    return list;
}

}  // namespace

void get_health(const RouteCall& call) {
    const StoreStatus store = call.context.store_watch.status();
    const bool degraded = store.state == StoreState::kDegraded || store.state == StoreState::kFull;
    respond_json(call, 200,
                 json::serialize(json::object{{"status", degraded ? "degraded" : "ok"},
                                              {"version", KVASIR_VERSION},
                                              {"memory", call.context.memory_watch.is_low() ? "low" : "ok"},
                                              {"store", to_string(store.state)},
                                              {"reason", store.reason},
                                              {"since_unix_ms", store.since_unix_ms},
                                              {"models", models_json(call.context)},
                                              {"reconciled", store.reconciled},
                                              {"quarantined_files", store.usage.quarantined_files}}));
}

void get_ready(const RouteCall& call) {
    const bool draining = call.context.draining.load();
    respond_json(call, draining ? 503 : 200,
                 json::serialize(json::object{{"status", draining ? "draining" : "ready"},
                                              {"model", call.context.model_name}}));
}

void get_metrics(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        respond_text(done, "text/plain; version=0.0.4",
                     metrics_text(done.context, memory.memory_usage()) + store_metrics_text(memory.store()));
    });
}

void get_memory(const RouteCall& call) {
    on_engine_thread(call, [](AgentMemory& memory, const RouteCall& done) {
        json::value usage = to_json(memory.memory_usage());
        const MemoryWatch& watch = done.context.memory_watch;
        usage.as_object()["available_bytes"] = watch.available_bytes();
        usage.as_object()["low"] = watch.is_low();
        respond_json(done, 200, json::serialize(usage));
    });
}

void get_events(const RouteCall& call) {
    const Status added = call.context.events.add(call.exchange);
    if (!added) respond_error(call, api_error(added.error()));
}

void get_openapi(const RouteCall& call) { respond_json(call, 200, openapi_document()); }

void get_docs(const RouteCall& call) {
    respond_text(call, "text/html; charset=utf-8", docs_page(),
                 {{"Content-Security-Policy", kPagePolicy}, {"Referrer-Policy", "no-referrer"}});
}

}  // namespace kvasir
