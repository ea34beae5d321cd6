// `kvasir serve`: one store, one model or several, many clients; until SIGTERM or Ctrl-C.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <future>
#include <thread>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/api_key_file.h"
#include "app/commands.h"
#include "app/remote_agents.h"
#include "app/served_models.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/log.h"
#include "base/process_memory.h"
#include "server/server.h"

namespace kvasir {

namespace {

// SIGTERM and SIGINT, taken by one thread of its own: every other thread has them blocked, so the object must
// be made before any other thread is.
class StopSignal {
  public:
    StopSignal() {
        ::sigemptyset(&signals_);
        ::sigaddset(&signals_, SIGTERM);
        ::sigaddset(&signals_, SIGINT);
        ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
        // A client that has gone must not end the server.
        std::signal(SIGPIPE, SIG_IGN);
        std::thread([this] { watch(); }).detach();
    }
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    void wait() {
        serving_.store(true);
        stopped_.get_future().wait();
    }

  private:
    void watch() {
        int signal = 0;
        ::sigwait(&signals_, &signal);
        // While the model loads there is nothing to finish; a second signal wants no more patience.
        if (!serving_.load()) std::_Exit(128 + signal);
        stopped_.set_value();
        ::sigwait(&signals_, &signal);
        std::_Exit(128 + signal);
    }

    sigset_t signals_{};
    std::atomic<bool> serving_{false};
    std::promise<void> stopped_;
};

Result<ServerOptions> server_options(const Config& config, const ServeArguments& arguments) {
    ServerOptions options;
    options.http.host = arguments.host;
    options.http.port = arguments.port;
    options.http.unix_path = arguments.unix_path;
    options.http.owner_path = server_socket_path(home_of(config));
    options.http.tls_certificate_path = arguments.tls_certificate_path;
    options.http.tls_key_path = arguments.tls_key_path;
    options.http.hosts_allowed = arguments.hosts_allowed;
    options.http.origins_allowed = arguments.origins_allowed;
    options.api_keys = arguments.api_keys;
    if (!arguments.api_key_file.empty()) {
        KVASIR_TRY_ASSIGN(const auto keys, read_api_keys(arguments.api_key_file));
        options.api_keys.insert(options.api_keys.end(), keys.begin(), keys.end());
    }
    options.model_alias = arguments.alias;
    options.strict_durability = arguments.strict_durability;
    options.sampling.temperature = config.temperature;
    options.sampling.seed = config.seed;
    options.turn_timeout_ms = arguments.turn_timeout_s * 1000;
    options.drain_timeout_ms = arguments.drain_timeout_s * 1000;
    options.memory_watch.available_bytes_min = arguments.memory_free_bytes_min;
    options.session_expiry.unused_max = std::chrono::hours(24) * arguments.session_days;
    const bool loopback =
        arguments.host == "127.0.0.1" || arguments.host == "::1" || arguments.host == "localhost";
    if (!loopback && options.api_keys.empty() && !arguments.no_key) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--host {} lets others connect, and there is no key: give --api-key or "
                                "--api-key-file, or --no-key if "
                                "everybody may use it",
                                arguments.host));
    }
    return options;
}

constexpr rlim_t kDescriptorsBesides = 256;  // for the store, the model, connections that are being refused

// Every connection is a descriptor; the usual soft limit of 1,024 is meant for programs that select(). Where
// the system allows few, there are fewer connections, so that they never take those of the store.
void share_descriptors(HttpOptions& http) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    const rlim_t besides = std::min(kDescriptorsBesides, limit.rlim_cur / 2);
    http.connections_max =
        static_cast<std::uint32_t>(std::min<rlim_t>(http.connections_max, limit.rlim_cur - besides));
}

// The store and the model or models over it, with a thread for them.
struct Served {
    std::unique_ptr<Session> session;  // of a single model
    OpenStore opened;                  // of several
    std::unique_ptr<Scheduler> scheduler;
};

Result<Served> open_served(const Config& config, const ServeArguments& arguments,
                           const SessionOptions& options) {
    SchedulerOptions scheduling;
    scheduling.active_turns_max = config.agents_resident_max;
    scheduling.waiting_turns_max = arguments.waiting_max;
    scheduling.prompt_chunk_tokens = arguments.chunk_tokens;
    Served served;
    KVASIR_TRY_ASSIGN(auto specs, models_of(config));
    if (specs.size() == 1) {
        KVASIR_TRY_ASSIGN(served.session, Session::open(config, options));
        served.scheduler =
            Scheduler::start(scheduling, served.session->memory(), served.session->engine(), system_clock());
        return served;
    }
    KVASIR_TRY_ASSIGN(served.opened, open_store(config));
    KVASIR_TRY_ASSIGN(const ModelsOptions models, served_models(config, arguments, std::move(specs)));
    MemoryOptions memory;
    memory.agents_resident_max = config.agents_resident_max;
    memory.on_event = options.on_event;
    memory.restore = restore_policy_of(config);
    served.scheduler = Scheduler::start(scheduling, models, memory, *served.opened.store, system_clock());
    return served;
}

void announce(const ServeArguments& arguments, const Scheduler& scheduler, std::uint16_t port) {
    const char* scheme = arguments.tls_certificate_path.empty() ? "http" : "https";
    const bool v6 = arguments.host.find(':') != std::string::npos;
    const std::string base =
        fmt::format("{}://{}:{}", scheme, v6 ? "[" + arguments.host + "]" : arguments.host, port);
    std::string names;
    for (const ModelStatus& model : scheduler.models())
        names += (names.empty() ? "" : ", ") + for_terminal(model.spec.name);
    fmt::print("kvasir serves {} on {}\n", names, base);
    fmt::print("  OpenAI clients     {0}/v1          (one agent: {0}/agents/NAME/v1)\n", base);
    fmt::print("  Anthropic clients  {0}             (one agent: {0}/agents/NAME)\n", base);
    fmt::print("  all routes         {}/docs\n", base);
    if (!arguments.unix_path.empty()) fmt::print("  unix socket        {}\n", arguments.unix_path);
    std::fflush(stdout);
}

// The server is worth having without it.
void warn_of_commands(const Error& error) {
    fmt::print(
        stderr,
        "kvasir: {}: commands on this store are refused while the server runs, unless --home names it by a "
        "shorter path (a symbolic link will do)\n",
        error.message);
}

}  // namespace

Result<ExitCode> run_serve(const Config& config, const ServeArguments& arguments) {
    // It lives as long as its thread, which lives as long as the process.
    static StopSignal& stop = *new StopSignal();
    KVASIR_TRY_ASSIGN(ServerOptions options, server_options(config, arguments));
    share_descriptors(options.http);
    use_one_heap();  // thousands of connections are served by any of the HTTP threads
    EventHub events;
    SessionOptions session_options;
    session_options.on_event = [&](const MemoryEvent& event) {
        events.tell(event, system_clock().unix_ms());
    };
    KVASIR_TRY_ASSIGN(const Served served, open_served(config, arguments, session_options));
    KVASIR_TRY_ASSIGN(const auto server, Server::start(options, *served.scheduler, events, system_clock()));
    if (!server->owner_socket()) warn_of_commands(server->owner_socket().error());
    announce(arguments, *served.scheduler, server->port());
    stop.wait();
    if (!config.quiet) fmt::print(stderr, "kvasir: finishing what is being answered, then saving\n");
    server->drain();
    return ExitCode::kOk;
}

}  // namespace kvasir
