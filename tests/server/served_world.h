// A fake engine, a real store, a scheduler and a server over them, on a port of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "memory/world.h"
#include "server/http_client.h"
#include "server/server.h"

namespace kvasir::test {

// An engine that takes its time, so that a test can do something meanwhile.
class SlowEngine final : public ForwardingEngine {
  public:
    SlowEngine(std::unique_ptr<Engine> inner, int step_ms)
        : ForwardingEngine(std::move(inner)), step_ms_(step_ms) {}
    Status decode(std::span<const BatchRow> rows) override {
        std::this_thread::sleep_for(std::chrono::milliseconds(step_ms_));
        return ForwardingEngine::decode(rows);
    }

  private:
    int step_ms_;
};

struct ServedOptions {
    std::uint32_t places = 4;
    std::uint32_t waiting_turns_max = 256;
    std::vector<std::string> api_keys;
    int step_ms = 0;  // of the model
    Position context_tokens = 2048;
    MemoryWatchOptions memory_watch;
    SessionExpiryOptions session_expiry;
    HttpOptions http;
    std::function<std::unique_ptr<Engine>(std::unique_ptr<Engine>)> decorate;
};

class ServedWorld {
  public:
    explicit ServedWorld(const ServedOptions& options = {}) : options_(options) {
        WorldOptions world;
        world.engine = plain_engine();
        world.engine.sequences = options.places;
        world.engine.context_tokens = options.context_tokens;
        world.memory.agents_resident_max = options.places;
        world.memory.on_event = [this](const MemoryEvent& event) { events_.tell(event, 0); };
        world.decorate = options.decorate;
        if (options.step_ms > 0) {
            world.decorate = [ms = options.step_ms](std::unique_ptr<Engine> inner) {
                return std::make_unique<SlowEngine>(std::move(inner), ms);
            };
        }
        world_ = std::make_unique<World>(world);
        serve();
    }
    ~ServedWorld() { stop(); }
    ServedWorld(const ServedWorld&) = delete;
    ServedWorld& operator=(const ServedWorld&) = delete;

    void stop() {
        server_.reset();
        scheduler_.reset();
    }
    void restart() {
        stop();
        world_->restart();
        serve();
    }
    void restart(const FakeEngineOptions& engine) {
        stop();
        world_->restart(engine);
        serve();
    }
    void drain() { server_->drain(); }
    HttpClient client() const { return HttpClient(server_->port()); }
    World& world() { return *world_; }
    Scheduler& scheduler() { return *scheduler_; }

  private:
    void serve() {
        SchedulerOptions scheduling;
        scheduling.active_turns_max = options_.places;
        scheduling.waiting_turns_max = options_.waiting_turns_max;
        scheduler_ = Scheduler::start(scheduling, world_->memory(), world_->engine(), system_clock());
        ServerOptions options;
        options.api_keys = options_.api_keys;
        options.memory_watch = options_.memory_watch;
        options.session_expiry = options_.session_expiry;
        options.http = options_.http;
        auto server = Server::start(options, *scheduler_, events_, system_clock());
        if (!server) throw std::runtime_error(server.error().message);
        server_ = std::move(*server);
    }

    ServedOptions options_;
    EventHub events_;
    std::unique_ptr<World> world_;
    std::unique_ptr<Scheduler> scheduler_;
    std::unique_ptr<Server> server_;
};

inline boost::json::object chat_of(const boost::json::array& messages, int tokens_max = 12) {
    return {{"model", "any"}, {"messages", messages}, {"max_tokens", tokens_max}, {"temperature", 0}};
}
inline boost::json::object said_json(const char* role, const std::string& content) {
    return {{"role", role}, {"content", content}};
}

}  // namespace kvasir::test
