#include "app/repl.h"

#include <fmt/format.h>

#include "app/chat_turn.h"
#include "app/interrupt.h"
#include "app/line_editor.h"
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

void list_agents(Session& session, const std::string& current) {
    const auto agents = session.memory().list();
    if (!agents) return print_error(agents.error());
    Table table({{"NAME"},
                 {"STATE"},
                 {"TOKENS", Align::kRight},
                 {"KV IN MEMORY", Align::kRight},
                 {"KV ON DISK", Align::kRight}});
    for (const AgentInfo& agent : *agents) {
        table.add({agent.name == current ? agent.name + " *" : agent.name, to_string(agent.state),
                   std::to_string(agent.token_count), human_bytes(agent.kv_memory_bytes),
                   human_bytes(agent.kv_disk_bytes)});
    }
    fmt::print("{}", table.text());
}

void print_saved(const char* what, const Result<SaveResult>& saved) {
    if (!saved) return print_error(saved.error());
    fmt::print("{}: {} rows written in {} new files, {} files were there; {}\n", what,
               saved->append_rows_written, saved->blocks_written, saved->blocks_shared,
               human_ms(saved->save_ms));
    if (!saved->warning.empty()) fmt::print(stderr, "kvasir: {}\n", saved->warning);
}

void load(Session& session, const std::string& agent) {
    const auto loaded = session.memory().load(agent);
    if (!loaded) return print_error(loaded.error());
    fmt::print("loaded: {} tokens restored ({}) in {}, {} read again in {}\n", loaded->restored_tokens,
               to_string(loaded->source), human_ms(loaded->restore_ms), loaded->evaluated_tokens,
               human_ms(loaded->prefill_ms));
    if (!loaded->warning.empty()) fmt::print(stderr, "kvasir: {}\n", loaded->warning);
}

void print_memory(Session& session) {
    const MemoryUsage usage = session.memory().memory_usage();
    fmt::print("weights {}, KV pool {}, compute {}; process {}\n", human_bytes(usage.engine.weights_bytes),
               human_bytes(usage.engine.kv_pool_bytes), human_bytes(usage.engine.compute_bytes),
               human_bytes(usage.total_bytes));
    for (const AgentMemoryUse& agent : usage.agents) {
        fmt::print("  {}: {} tokens, {}\n", agent.name, agent.cache_tokens, human_bytes(agent.kv_bytes));
    }
}

enum class Next { kGoOn, kLeave };

Next run_command(Session& session, const std::string& agent, const std::string& command) {
    if (command == "/quit" || command == "/exit") return Next::kLeave;
    if (command == "/help") {
        fmt::print("{}", kHelp);
    } else if (command == "/agents") {
        list_agents(session, agent);
    } else if (command == "/save") {
        print_saved("saved", session.memory().save(agent));
    } else if (command == "/evict") {
        print_saved("evicted", session.memory().evict(agent));
    } else if (command == "/load") {
        load(session, agent);
    } else if (command == "/memory") {
        print_memory(session);
    } else {
        fmt::print(stderr, "kvasir: {}: no such command; /help lists them\n", printable(command));
    }
    return Next::kGoOn;
}

}  // namespace

Result<ExitCode> run_repl(const Config& config, Session& session, const std::string& agent) {
    KVASIR_TRY_ASSIGN(const AgentInfo info, session.memory().show(agent));
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
            if (run_command(session, agent, line.text) == Next::kLeave) break;
            continue;
        }
        if (const auto turn = chat_turn(config, session, agent, line.text); !turn) print_error(turn.error());
    }
    fmt::print("{}\n", styled(Style::kDim, "saved; it will remember."));
    return ExitCode::kOk;
}

}  // namespace kvasir
