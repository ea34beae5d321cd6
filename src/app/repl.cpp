#include "app/repl.h"

#include <fmt/format.h>

#include "app/chat_turn.h"
#include "app/interrupt.h"
#include "app/line_editor.h"
#include "app/print_agents.h"
#include "app/terminal.h"
#include "base/names.h"

namespace kvasir {

namespace {

constexpr const char* kHelp =
    "  /agents   who is here, and in which state\n"
    "  /save     make this agent's KV durable now (it is, after every turn, unless the disk refused it)\n"
    "  /evict    free this agent's place in memory; it comes back with its next message\n"
    "  /load     bring it back now\n"
    "  /memory   what weights, KV and the process take\n"
    "  /help     this\n"
    "  /quit     leave (or Ctrl-D). Ctrl-C stops an answer\n";

void print_error(const Error& error) { fmt::print(stderr, "kvasir: {}\n", error.message); }

void list_agents(AgentService& agents, const std::string& current) {
    const auto known = agents.list();
    if (!known) return print_error(known.error());
    Table table({{"NAME"},
                 {"STATE"},
                 {"TOKENS", Align::kRight},
                 {"KV IN MEMORY", Align::kRight},
                 {"KV ON DISK", Align::kRight}});
    for (const AgentInfo& agent : *known) {
        table.add({agent.name == current ? agent.name + " *" : agent.name, to_string(agent.state),
                   std::to_string(agent.token_count), human_bytes(agent.kv_memory_bytes),
                   human_bytes(agent.kv_disk_bytes)});
    }
    fmt::print("{}", table.text());
}

template <class Done>
void tell(const char* what, const Result<Done>& done) {
    if (!done) return print_error(done.error());
    print_done(what, *done);
}

void print_memory(AgentService& agents) {
    const auto usage = agents.memory_usage();
    if (!usage) return print_error(usage.error());
    fmt::print("weights {}, KV pool {}, compute {}; process {}\n", human_bytes(usage->engine.weights_bytes),
               human_bytes(usage->engine.kv_pool_bytes), human_bytes(usage->engine.compute_bytes),
               human_bytes(usage->total_bytes));
    for (const AgentMemoryUse& agent : usage->agents) {
        fmt::print("  {}: {} tokens, {}\n", agent.name, agent.cache_tokens, human_bytes(agent.kv_bytes));
    }
}

enum class Next { kGoOn, kLeave };

Next run_command(AgentService& agents, const std::string& agent, const std::string& command) {
    if (command == "/quit" || command == "/exit") return Next::kLeave;
    if (command == "/help") {
        fmt::print("{}", kHelp);
    } else if (command == "/agents") {
        list_agents(agents, agent);
    } else if (command == "/save") {
        tell("saved", agents.save(agent));
    } else if (command == "/evict") {
        tell("evicted", agents.evict(agent));
    } else if (command == "/load") {
        tell("loaded", agents.load(agent));
    } else if (command == "/memory") {
        print_memory(agents);
    } else {
        fmt::print(stderr, "kvasir: {}: no such command; /help lists them\n", printable(command));
    }
    return Next::kGoOn;
}

}  // namespace

Result<ExitCode> run_repl(const Config& config, AgentService& agents, const std::string& agent) {
    KVASIR_TRY_ASSIGN(const AgentInfo info, agents.show(agent));
    fmt::print("{} remembers {} turns ({} tokens). /help lists commands, Ctrl-D leaves.\n",
               styled(Style::kBold, agent), info.turn_count, info.token_count);
    const InterruptGuard between;  // Ctrl-C between a line and its answer must not end the program
    LineEditor editor("> ", home_of(config) + "/chat-history");
    for (;;) {
        const Line line = editor.read();
        if (line.event == LineEvent::kEnd) break;
        if (line.event == LineEvent::kInterrupted) {
            fmt::print("\n");
            continue;
        }
        if (line.text.empty()) continue;
        if (line.text.front() == '/') {
            if (run_command(agents, agent, line.text) == Next::kLeave) break;
            continue;
        }
        if (const auto turn = chat_turn(config, agents, agent, line.text); !turn) print_error(turn.error());
    }
    fmt::print("{}\n", styled(Style::kDim, "saved; it will remember."));
    return ExitCode::kOk;
}

}  // namespace kvasir
