// `kvasir agents ...`: what is stored, without loading a model where none is needed.
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/print_json.h"
#include "app/session.h"
#include "app/terminal.h"
#include "server/memory_json.h"

namespace kvasir {

namespace {

Result<ExitCode> list(const Config& config) {
    KVASIR_TRY_ASSIGN(const OpenStore opened, open_store(config));
    KVASIR_TRY_ASSIGN(const auto agents, list_stored_agents(*opened.store));
    if (config.json) {
        boost::json::array array;
        for (const AgentInfo& agent : agents) array.push_back(to_json(agent));
        print_json(array);
        return ExitCode::kOk;
    }
    if (agents.empty()) {
        fmt::print("no agents yet: kvasir agents create NAME --system \"You are ...\"\n");
        return ExitCode::kOk;
    }
    Table table({{"NAME"},
                 {"TYPE"},
                 {"STATE"},
                 {"TURNS", Align::kRight},
                 {"TOKENS", Align::kRight},
                 {"DISK", Align::kRight},
                 {"LAST USED"}});
    for (const AgentInfo& agent : agents) {
        table.add({agent.name, for_terminal(agent.type), to_string(agent.state),
                   std::to_string(agent.turn_count), std::to_string(agent.token_count),
                   human_bytes(agent.kv_disk_bytes), human_time(agent.last_used_unix_ms)});
    }
    fmt::print("{}", table.text());
    return ExitCode::kOk;
}

Result<ExitCode> show(const Config& config, const std::string& name) {
    KVASIR_TRY_ASSIGN(const OpenStore opened, open_store(config));
    KVASIR_TRY_ASSIGN(const AgentInfo agent, show_stored_agent(*opened.store, name));
    if (config.json) {
        print_json(to_json(agent));
        return ExitCode::kOk;
    }
    fmt::print("{}\n", styled(Style::kBold, agent.name));
    fmt::print("  type          {}\n  state         {}\n  model         {}\n", for_terminal(agent.type),
               to_string(agent.state), for_terminal(agent.model_name));
    fmt::print("  turns         {}\n  tokens        {} ({} with stored KV)\n", agent.turn_count,
               agent.token_count, agent.cache_tokens);
    fmt::print("  on disk       {}\n  created       {}\n  last used     {}\n",
               human_bytes(agent.kv_disk_bytes), human_time(agent.created_unix_ms),
               human_time(agent.last_used_unix_ms));
    fmt::print("  system prompt {}\n", for_terminal(agent.system_prompt));
    return ExitCode::kOk;
}

Result<ExitCode> create(const Config& config, const AgentsArguments& arguments) {
    KVASIR_TRY_ASSIGN(const auto session, Session::open(config));
    KVASIR_TRY_ASSIGN(const CreateResult created,
                      session->memory().create(arguments.agent, arguments.type, arguments.system_prompt));
    if (config.json) {
        print_json(to_json(created));
        return ExitCode::kOk;
    }
    fmt::print(
        "created {}: {} tokens of system prompt, {} evaluated, {} shared with others; prefill {}, save {}\n",
        arguments.agent, created.agent.cache_tokens, created.evaluated_tokens, created.reused_tokens,
        human_ms(created.prefill_ms), human_ms(created.save.save_ms));
    if (!created.save.warning.empty()) fmt::print(stderr, "kvasir: {}\n", created.save.warning);
    return ExitCode::kOk;
}

Result<ExitCode> remove(const Config& config, const std::string& name) {
    KVASIR_TRY_ASSIGN(const OpenStore opened, open_store(config));
    KVASIR_TRY_ASSIGN(const EraseReceipt receipt, erase_stored_agent(*opened.store, name));
    if (config.json) {
        print_json(to_json(receipt));
        return ExitCode::kOk;
    }
    fmt::print("removed {}: {} turns, {} tokens, {} KV files ({})\n", receipt.agent, receipt.turns_removed,
               receipt.tokens_removed, receipt.blocks_removed, human_bytes(receipt.bytes_removed));
    if (receipt.blocks_kept > 0) {
        fmt::print("kept {} KV files ({}) that other agents share\n", receipt.blocks_kept,
                   human_bytes(receipt.bytes_kept));
    }
    return ExitCode::kOk;
}

// Nothing is resident between two commands: every turn is durable when its command ends.
Result<ExitCode> explain(const Config& config, const AgentsArguments& arguments, const char* verb) {
    KVASIR_TRY_ASSIGN(const OpenStore opened, open_store(config));
    KVASIR_TRY(show_stored_agent(*opened.store, arguments.agent).map([](const AgentInfo&) {}));
    return fail(
        ErrorCode::kUnavailable,
        fmt::format(
            "there is nothing to {0}: no agent is resident between commands, and {1} is durable as it is. "
            "Inside 'kvasir chat {1}' use /{0}",
            verb, arguments.agent));
}

}  // namespace

Result<ExitCode> run_agents(const Config& config, const AgentsArguments& arguments) {
    switch (arguments.verb) {
        case AgentsVerb::kList:
            return list(config);
        case AgentsVerb::kShow:
            return show(config, arguments.agent);
        case AgentsVerb::kCreate:
            return create(config, arguments);
        case AgentsVerb::kRemove:
            return remove(config, arguments.agent);
        case AgentsVerb::kSave:
            return explain(config, arguments, "save");
        case AgentsVerb::kLoad:
            return explain(config, arguments, "load");
        case AgentsVerb::kEvict:
            return explain(config, arguments, "evict");
    }
    return ExitCode::kUsage;
}

Result<ExitCode> run_ps(const Config& config) {
    if (!config.json && !config.quiet) {
        fmt::print(stderr,
                   "kvasir: no server runs on this store, so no agent is resident; this is what is stored\n");
    }
    return list(config);
}

}  // namespace kvasir
