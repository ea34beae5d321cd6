#include "app/cli.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/config_options.h"
#include "app/model_options.h"
#include "app/print_json.h"
#include "base/log.h"
#include "server/memory_json.h"

namespace kvasir {

namespace {

constexpr const char* kVersion = "kvasir " KVASIR_VERSION;

using Command = std::function<Result<ExitCode>(const Config&)>;

void add_chat(CLI::App& app, Command& command) {
    auto* chat = app.add_subcommand("chat", "talk to an agent: on a terminal, from a pipe, or one message");
    auto arguments = std::make_shared<ChatArguments>();
    chat->add_option("agent", arguments->agent, "its name")->required();
    chat->add_option("message", arguments->message, "one message; without it, standard input");
    chat->add_flag("--create", arguments->create, "make the agent when it is not there");
    chat->add_option("--system", arguments->system_prompt, "system prompt of a new agent");
    chat->add_option("--type", arguments->type, "type of a new agent, free text");
    chat->callback([&command, arguments] {
        command = [arguments](const Config& config) { return run_chat(config, *arguments); };
    });
}

CLI::App* add_agents_verb(CLI::App& agents, Command& command,
                          const std::shared_ptr<AgentsArguments>& arguments, AgentsVerb verb,
                          const char* name, const char* help) {
    auto* sub = agents.add_subcommand(name, help);
    if (verb != AgentsVerb::kList) sub->add_option("agent", arguments->agent, "its name")->required();
    sub->callback([&command, arguments, verb] {
        arguments->verb = verb;
        command = [arguments](const Config& config) { return run_agents(config, *arguments); };
    });
    return sub;
}

void add_agents(CLI::App& app, Command& command) {
    auto* agents = app.add_subcommand("agents", "list and manage agents")->require_subcommand(1);
    auto arguments = std::make_shared<AgentsArguments>();
    add_agents_verb(*agents, command, arguments, AgentsVerb::kList, "ls", "all agents of the store");
    add_agents_verb(*agents, command, arguments, AgentsVerb::kShow, "show", "one agent");
    auto* create = add_agents_verb(*agents, command, arguments, AgentsVerb::kCreate, "create",
                                   "make an agent and read its system prompt");
    create->add_option("--system", arguments->system_prompt, "system prompt");
    create->add_option("--type", arguments->type, "type, free text");
    auto* fork = add_agents_verb(*agents, command, arguments, AgentsVerb::kFork, "fork",
                                 "make a new agent with its conversation so far");
    fork->add_option("name", arguments->fork_name, "name of the new agent")->required();
    fork->add_option("--at", arguments->turn, "the last turn that it has (default: all)");
    auto* rollback = add_agents_verb(*agents, command, arguments, AgentsVerb::kRollback, "rollback",
                                     "go back to an earlier turn");
    rollback->add_option("--to", arguments->turn, "the turn; 0: the system prompt")->required();
    add_agents_verb(*agents, command, arguments, AgentsVerb::kChange, "pin",
                    "keep an agent: it leaves memory last, and never expires")
        ->preparse_callback([arguments](std::size_t) { arguments->change.pinned = Pinned::kYes; });
    add_agents_verb(*agents, command, arguments, AgentsVerb::kChange, "unpin", "no longer")
        ->preparse_callback([arguments](std::size_t) { arguments->change.pinned = Pinned::kNo; });
    add_agents_verb(*agents, command, arguments, AgentsVerb::kChange, "rename", "give an agent another name")
        ->add_option_function<std::string>(
            "name", [arguments](const std::string& name) { arguments->change.name = name; }, "the new one")
        ->required();
    add_agents_verb(*agents, command, arguments, AgentsVerb::kChange, "when-full",
                    "what a full context means: refuse messages, or leave the oldest turns out")
        ->add_option_function<std::string>(
            "what",
            [arguments](const std::string& what) {
                arguments->change.when_full =
                    what == "refuse" ? WhenFull::kRefuse : WhenFull::kDropOldestTurns;
            },
            "refuse or drop_oldest_turns")
        ->required()
        ->check(CLI::IsMember({"refuse", "drop_oldest_turns"}));
    add_agents_verb(*agents, command, arguments, AgentsVerb::kRemove, "rm",
                    "delete an agent, with a receipt");
    add_agents_verb(*agents, command, arguments, AgentsVerb::kSave, "save",
                    "make a resident agent's KV durable");
    add_agents_verb(*agents, command, arguments, AgentsVerb::kLoad, "load", "make an agent resident");
    add_agents_verb(*agents, command, arguments, AgentsVerb::kEvict, "evict",
                    "free a resident agent's place");
}

void add_serve(CLI::App& app, Command& command) {
    auto* serve = app.add_subcommand(
        "serve", "serve the model to OpenAI and Anthropic clients, with agents that remember");
    auto arguments = std::make_shared<ServeArguments>();
    serve->add_option("--host", arguments->host, "address to listen on")
        ->envname("KVASIR_HOST")
        ->capture_default_str();
    serve->add_option("--port", arguments->port, "port; 0: any free one")
        ->envname("KVASIR_PORT")
        ->capture_default_str();
    serve->add_option("--unix-socket", arguments->unix_path, "also listen on this socket")
        ->envname("KVASIR_UNIX_SOCKET");
    serve
        ->add_option("--api-key", arguments->api_keys,
                     "key that clients must send, or sha256:HEX of it; may be given several times")
        ->envname("KVASIR_API_KEY");
    serve->add_option("--api-key-file", arguments->api_key_file, "file with a key, or sha256:HEX, per line")
        ->envname("KVASIR_API_KEY_FILE");
    serve->add_flag("--no-key", arguments->no_key, "let anybody who can connect use it, on any --host");
    serve->add_option("--tls-cert", arguments->tls_certificate_path, "certificate chain, PEM")
        ->envname("KVASIR_TLS_CERT");
    serve->add_option("--tls-key", arguments->tls_key_path, "its key, PEM")->envname("KVASIR_TLS_KEY");
    serve
        ->add_option("--allow-host", arguments->hosts_allowed,
                     "host name that requests may name, beside --host")
        ->envname("KVASIR_ALLOW_HOST");
    serve->add_option("--allow-origin", arguments->origins_allowed, "web origin that may use it (CORS)")
        ->envname("KVASIR_ALLOW_ORIGIN");
    serve->add_option("-a,--alias", arguments->alias, "name shown for the model")->envname("KVASIR_ALIAS");
    serve->add_option("--queue", arguments->waiting_max, "turns that may wait; more are told to come again")
        ->envname("KVASIR_QUEUE")
        ->check(CLI::Range(1U, 100'000U))
        ->capture_default_str();
    serve
        ->add_option("--chunk", arguments->chunk_tokens,
                     "prompt tokens of one step while others are answered")
        ->envname("KVASIR_CHUNK")
        ->check(CLI::Range(1U, 100'000U))
        ->capture_default_str();
    serve->add_option("--turn-timeout", arguments->turn_timeout_s, "seconds that a turn may take; 0: any")
        ->envname("KVASIR_TURN_TIMEOUT")
        ->check(CLI::Range(0U, 1'000'000U))
        ->capture_default_str();
    serve
        ->add_option("--drain-timeout", arguments->drain_timeout_s,
                     "seconds that turns may finish in when it is stopped")
        ->envname("KVASIR_DRAIN_TIMEOUT")
        ->check(CLI::Range(0U, 86'400U))
        ->capture_default_str();
    serve
        ->add_option("--memory-free-min", arguments->memory_free_bytes_min,
                     "bytes that the system should have left: with less, idle agents leave and memory is "
                     "given back; 0: "
                     "nobody looks (default: 256 MB)")
        ->envname("KVASIR_MEMORY_FREE_MIN")
        ->transform(CLI::AsSizeValue(true));
    serve
        ->add_option("--session-days", arguments->session_days,
                     "days after which an agent that a client's session made goes, when nobody uses, pins or "
                     "names it; 0: never")
        ->envname("KVASIR_SESSION_DAYS")
        ->check(CLI::Range(0U, 36'500U))
        ->capture_default_str();
    add_models_options(*serve, *arguments);
    serve
        ->add_flag("--strict-durability", arguments->strict_durability,
                   "end a stream with an error when its answer could not be made durable, instead of marking "
                   "it durable: false")
        ->envname("KVASIR_STRICT_DURABILITY");
    serve->callback([&command, arguments] {
        command = [arguments](const Config& config) { return run_serve(config, *arguments); };
    });
}

void add_why(CLI::App& app, Command& command) {
    auto* why = app.add_subcommand("why", "what of a server's last requests was reused, and what broke off");
    auto arguments = std::make_shared<WhyArguments>();
    auto* agent = why->add_option("agent", arguments->agent, "whose requests");
    why->add_option("--request", arguments->request, "this one: its x-request-id")->excludes(agent);
    why->add_option("--before-sending", arguments->before_sending,
                    "file with a request as a client would send it (-: standard input): what would be reused")
        ->needs(agent);
    why->callback([&command, arguments] {
        command = [arguments](const Config& config) { return run_why(config, *arguments); };
    });
    auto* verify = app.add_subcommand("verify", "an agent's stored state against a cold reading of it");
    auto verified = std::make_shared<std::string>();
    verify->add_option("agent", *verified, "its name")->required();
    verify->callback([&command, verified] {
        command = [verified](const Config& config) { return run_verify(config, *verified); };
    });
    auto* launch = app.add_subcommand("launch", "settings with which a client uses this server");
    auto launched = std::make_shared<LaunchArguments>();
    launch
        ->add_option("client", launched->client,
                     "claude, codex, opencode, pi, aider, continue, openai-sdk, ...")
        ->required();
    launch->add_option("--agent", launched->agent,
                       "one agent for all it says (default: one for each session)");
    launch->add_option("--url", launched->url, "where the server listens")->capture_default_str();
    launch->add_option("--output", launched->output, "write them to this new file");
    launch->callback([&command, launched] {
        command = [launched](const Config& config) { return run_launch(config, *launched); };
    });
}

void add_store_commands(CLI::App& app, Command& command) {
    auto* fsck = app.add_subcommand("fsck", "check every byte of the store");
    auto fsck_arguments = std::make_shared<FsckArguments>();
    fsck->add_flag(
        "--repair", fsck_arguments->repair,
        "set damaged KV aside in quarantine/ and forget what is missing; its tokens are read again");
    fsck->callback([&command, fsck_arguments] {
        command = [fsck_arguments](const Config& config) { return run_fsck(config, *fsck_arguments); };
    });
    auto* gc = app.add_subcommand("gc", "remove KV that no agent needs, and what lies in quarantine/");
    auto gc_arguments = std::make_shared<GcArguments>();
    gc->add_option("--free", gc_arguments->free_bytes,
                   "at least so many bytes: then the KV of the agents that were silent longest goes, too")
        ->transform(CLI::AsSizeValue(true));
    gc->callback([&command, gc_arguments] {
        command = [gc_arguments](const Config& config) { return run_gc(config, *gc_arguments); };
    });
    auto* backup = app.add_subcommand("backup", "copy the store, while it is in use or not");
    auto backup_arguments = std::make_shared<BackupArguments>();
    backup->add_option("directory", backup_arguments->directory, "where to; it must not exist")->required();
    backup->callback([&command, backup_arguments] {
        command = [backup_arguments](const Config& config) { return run_backup(config, *backup_arguments); };
    });
}

void add_pull(CLI::App& app, Command& command) {
    auto* pull = app.add_subcommand("pull", "fetch a model file into the models folder of --home");
    auto arguments = std::make_shared<PullArguments>();
    add_pull_options(*pull, *arguments);
    pull->callback([&command, arguments] {
        command = [arguments](const Config& config) { return run_pull(config, *arguments); };
    });
}

void add_others(CLI::App& app, Command& command) {
    app.add_subcommand("ps", "resident agents")->callback([&command] { command = run_ps; });
    app.add_subcommand("doctor", "check model, store, disk and memory")->callback([&command] {
        command = run_doctor;
    });
    auto* demo = app.add_subcommand("demo", "three agents, two processes, nothing read twice");
    auto demo_arguments = std::make_shared<DemoArguments>();
    demo->add_flag("--keep", demo_arguments->keep, "keep the demo's store");
    demo->add_option("--session", demo_arguments->session)->group("")->check(CLI::Range(1, 2));
    demo->add_option("--facts-seed", demo_arguments->facts_seed)->group("");
    demo->callback([&command, demo_arguments] {
        command = [demo_arguments](const Config& config) { return run_demo(config, *demo_arguments); };
    });
    auto* bench = app.add_subcommand("bench", "measure load, save, restore and first tokens on this machine");
    auto bench_arguments = std::make_shared<BenchArguments>();
    bench->add_option("--repetitions", bench_arguments->repetitions, "counted runs")
        ->check(CLI::Range(1U, 1000U))
        ->capture_default_str();
    bench->callback([&command, bench_arguments] {
        command = [bench_arguments](const Config& config) { return run_bench(config, *bench_arguments); };
    });
    auto* synth = app.add_subcommand("synth", "write a model of random weights with a known model's shape");
    auto synth_arguments = std::make_shared<SynthArguments>();
    synth->add_option("--shape", synth_arguments->shape, "without it, the shapes there are");
    synth->add_option("--quant", synth_arguments->type, "f16, q8_0 or q4_0")->capture_default_str();
    synth->add_option("--out", synth_arguments->output, "the file (default: named after the shape)");
    synth->add_option("--layers", synth_arguments->layers, "only so many");
    synth->add_option("--vocabulary", synth_arguments->vocabulary, "another size than the shape's");
    synth->callback([&command, synth_arguments] {
        command = [synth_arguments](const Config& config) { return run_synth(config, *synth_arguments); };
    });
}

void add_transfers(CLI::App& app, Command& command) {
    auto* exported = app.add_subcommand("export", "write an agent to one safetensors file");
    auto export_arguments = std::make_shared<ExportArguments>();
    exported->add_option("agent", export_arguments->agent, "its name")->required();
    exported->add_option("--out", export_arguments->path, "the new file (default: NAME.safetensors here)");
    exported->callback([&command, export_arguments] {
        command = [export_arguments](const Config& config) { return run_export(config, *export_arguments); };
    });
    auto* imported = app.add_subcommand("import", "make an agent from such a file");
    auto import_arguments = std::make_shared<ImportArguments>();
    imported->add_option("file", import_arguments->path, "the file")->required();
    imported->add_option("--name", import_arguments->name, "what to call it (default: as in the file)");
    imported->add_flag("--trust-kv", import_arguments->trust_kv,
                       "use its KV although another store wrote it: who wrote the file can make every agent "
                       "say anything");
    imported->add_flag("--dry-run", import_arguments->dry_run, "only tell what would be read again");
    imported->callback([&command, import_arguments] {
        command = [import_arguments](const Config& config) { return run_import(config, *import_arguments); };
    });
}

void add_rewarm(CLI::App& app, Command& command) {
    app.add_subcommand("rewarm", "read agents again whose KV is of no use any more, the last used first")
        ->callback([&command] { command = run_rewarm; });
}

int report(const Config& config, const Error& error) {
    const ExitCode code = exit_code_of(error.code);
    if (config.json) {
        print_json({{"error", {{"code", to_string(error.code)}, {"message", error.message}}}});
    }
    fmt::print(stderr, "kvasir: {}\n", error.message);
    return static_cast<int>(code);
}

// llama-server's one-dash long options, -ctk, -ctv and -ngl, in the form that the parser takes.
std::vector<std::string> given_arguments(int argc, char** argv) {
    std::vector<std::string> arguments;
    for (int i = 1; i < argc; ++i) {
        std::string argument = argv[i];
        if (argument == "-ctk" || argument == "-ctv" || argument == "-ngl") argument.insert(0, 1, '-');
        arguments.push_back(std::move(argument));
    }
    return arguments;
}

bool is_given(const CLI::Option& option, const std::vector<std::string>& arguments) {
    const auto names_it = [&](const std::string& argument) {
        const std::string name = argument.substr(0, argument.find('='));
        for (const std::string& lname : option.get_lnames()) {
            if (name == "--" + lname) return true;
        }
        for (const std::string& sname : option.get_snames()) {
            if (argument.rfind("-" + sname, 0) == 0 && argument.rfind("--", 0) != 0) return true;
        }
        return false;
    };
    return std::any_of(arguments.begin(), arguments.end(), names_it);
}

// The parser lets the configuration file beat the environment; ours is the other way round. So what the
// environment sets stands in front as if it had been given, unless it was given.
std::vector<std::string> with_environment(const CLI::App& app, std::vector<std::string> arguments) {
    std::vector<std::string> from_environment;
    for (const CLI::Option* option : app.get_options()) {
        const char* value =
            option->get_envname().empty() ? nullptr : std::getenv(option->get_envname().c_str());
        if (value == nullptr || *value == '\0' || is_given(*option, arguments)) continue;
        from_environment.push_back("--" + option->get_lnames().front() + "=" + value);
    }
    arguments.insert(arguments.begin(), from_environment.begin(), from_environment.end());
    std::reverse(arguments.begin(), arguments.end());  // as the parser wants them
    return arguments;
}

}  // namespace

int run_command_line(int argc, char** argv) {
    Config config;
    Command command;
    CLI::App app("Kvasir: agents whose memory outlives the process", "kvasir");
    app.set_version_flag("--version", kVersion);
    app.require_subcommand(1);
    app.fallthrough();
    add_config_options(app, config);
    add_chat(app, command);
    add_serve(app, command);
    add_agents(app, command);
    add_why(app, command);
    add_store_commands(app, command);
    add_pull(app, command);
    add_transfers(app, command);
    add_rewarm(app, command);
    add_others(app, command);
    try {
        app.parse(with_environment(app, given_arguments(argc, argv)));
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
    }
    // Commands tell warnings in words of their own.
    set_log_level(config.verbose ? LogLevel::kInfo : LogLevel::kError);
    const auto code = command(config);
    return code ? static_cast<int>(*code) : report(config, code.error());
}

}  // namespace kvasir
