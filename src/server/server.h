// Kvasir's HTTP API over one model or several: routes, who is speaking, keys, events, metrics. Everything it
// serves goes through the scheduler; it never touches engine state, store or files itself.
//
// Owned by the program, started and stopped by its main thread. Scheduler and clock outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "engine/engine.h"
#include "http/http_server.h"
#include "sched/scheduler.h"
#include "server/event_hub.h"
#include "server/memory_watch.h"
#include "server/session_expiry.h"
#include "server/store_watch.h"

namespace kvasir {

struct ServerOptions {
    HttpOptions http;
    std::vector<std::string> api_keys;        // empty: everybody who can connect may speak
    std::string model_alias;                  // name shown for the first model; "": its own
    SamplingOptions sampling;                 // where a request says nothing
    std::uint32_t answer_tokens_default = 0;  // 0: up to the end of the context (compatible routes)
    std::uint32_t turn_timeout_ms = 0;        // 0: none
    std::uint32_t drain_timeout_ms = 20'000;
    MemoryWatchOptions memory_watch;
    SessionExpiryOptions session_expiry;
    StoreWatchOptions store_watch;
    // An answer that was streamed and could not be made durable ends with an error instead of a mark.
    bool strict_durability = false;
};

class Server {
  public:
    static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Scheduler& scheduler,
                                                 EventHub& events, const Clock& clock);
    virtual ~Server() = default;  // stops at once
    virtual std::uint16_t port() const = 0;
    virtual const Status& owner_socket() const = 0;  // why HttpOptions::owner_path is not served
    // No new requests; streams may end within drain_timeout_ms; then all is closed.
    virtual void drain() = 0;
};

}  // namespace kvasir
