// What every route handler may use. Immutable but for what is thread-safe itself; owned by the server.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "api/api_error.h"
#include "base/clock.h"
#include "sched/scheduler.h"
#include "server/api_keys.h"
#include "server/event_hub.h"
#include "server/rewarmer.h"
#include "server/routes.h"
#include "server/running_responses.h"
#include "server/server.h"

namespace kvasir {

struct ServerContext {
    const ServerOptions& options;
    Scheduler& scheduler;
    const Clock& clock;
    EventHub& events;
    const MemoryWatch& memory_watch;
    const StoreWatch& store_watch;
    ApiKeys keys;
    std::vector<ModelSpec> models;  // in order; the first is meant where nobody says which
    std::string model_name;         // of the first, as it is told
    std::int64_t started_unix_ms = 0;
    std::atomic<bool>& draining;
    RunningResponses& running_responses;
    const Rewarmer& rewarmer;
};

HttpResponse error_response(Protocol protocol, const ApiError& error, std::string_view request_id = {});
void respond_error(const RouteCall& call, const ApiError& error);
void respond_json(const RouteCall& call, int status, std::string body);

// Of what the scheduler did not take: 429 when its queue is full, 503 when the server ends.
ApiError refused_by_queue(const ServerContext& context, const Error& error);

// Runs `task` on the engine thread; answers 503 itself when that cannot be. `task` answers the exchange.
void on_engine_thread(const RouteCall& call, std::function<void(AgentMemory&, const RouteCall&)> task);
// The same when the agent of the call is not being saved: turns of others go on meanwhile.
void when_saved(const RouteCall& call, std::function<void(AgentMemory&, const RouteCall&)> task);
// The same with the memory of a model, when that is loaded: the one that is named, or the agent's own.
void on_model(const RouteCall& call, std::optional<ModelIndex> model, const std::string& agent,
              std::function<void(AgentMemory&, const RouteCall&)> task);

}  // namespace kvasir
