// `kvasir agents ...` and `kvasir ps`: what there is, and what can be done to it; without loading a model
// where none is needed.
#include <span>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/agent_service.h"
#include "app/commands.h"
#include "app/print_agents.h"
#include "app/print_json.h"
#include "app/terminal.h"
#include "server/memory_json.h"

namespace kvasir {

namespace {

// The same with and without a server: what only a loaded model knows is left out.
boost::json::value json_of(const AgentInfo& agent) {
    boost::json::object object = to_json(agent).as_object();
    for (const char* field : {"context_tokens", "context_fill"}) object.stable_erase(field);
    return object;
}

void print_json_of(std::span<const AgentInfo> agents) {
    boost::json::array array;
    for (const AgentInfo& agent : agents) array.push_back(json_of(agent));
    print_json(array);
}

Result<ExitCode> list(const Config& config, AgentService& service) {
    KVASIR_TRY_ASSIGN(const auto agents, service.list());
    if (config.json) {
        print_json_of(agents);
    } else if (agents.empty()) {
        fmt::print("no agents yet: kvasir agents create NAME --system \"You are ...\"\n");
    } else {
        print_stored_agents(agents);
    }
    return ExitCode::kOk;
}

Result<ExitCode> show(const Config& config, AgentService& service, const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentInfo agent, service.show(name));
    if (config.json) {
        print_json(json_of(agent));
        return ExitCode::kOk;
    }
    fmt::print("{}\n", styled(Style::kBold, agent.name));
    if (!agent.title.empty()) fmt::print("  title         {}\n", for_terminal(agent.title));
    if (!agent.parent.empty()) fmt::print("  works for     {}\n", agent.parent);
    if (agent.pinned == Pinned::kYes) fmt::print("  pinned        yes\n");
    if (agent.when_full == WhenFull::kDropOldestTurns) fmt::print("  when full     drops its oldest turns\n");
    if (agent.made_by == MadeBy::kSession) fmt::print("  made by       a client's session\n");
    fmt::print("  type          {}\n  state         {}\n  model         {}\n", for_terminal(agent.type),
               to_string(agent.state), for_terminal(agent.model_name));
    fmt::print("  turns         {}\n  tokens        {} ({} with stored KV)\n", agent.turn_count,
               agent.token_count, agent.cache_tokens);
    if (is_resident(agent)) fmt::print("  in memory     {}\n", human_bytes(agent.kv_memory_bytes));
    fmt::print("  on disk       {}\n  created       {}\n  last used     {}\n",
               human_bytes(agent.kv_disk_bytes), human_time(agent.created_unix_ms),
               human_time(agent.last_used_unix_ms));
    fmt::print("  system prompt {}\n", for_terminal(agent.system_prompt));
    return ExitCode::kOk;
}

Result<ExitCode> create(const Config& config, AgentService& service, const AgentsArguments& arguments) {
    KVASIR_TRY_ASSIGN(const CreateResult created,
                      service.create(arguments.agent, arguments.type, arguments.system_prompt));
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

Result<ExitCode> remove(const Config& config, AgentService& service, const std::string& name) {
    KVASIR_TRY_ASSIGN(const EraseReceipt receipt, service.remove(name));
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

Result<ExitCode> fork(const Config& config, AgentService& service, const AgentsArguments& arguments) {
    KVASIR_TRY_ASSIGN(const ForkResult forked,
                      service.fork(arguments.agent, arguments.fork_name, arguments.turn));
    if (config.json) {
        print_json(to_json(forked));
        return ExitCode::kOk;
    }
    fmt::print("forked {} from {} after turn {}: {} tokens, {} of them with stored KV, shared\n",
               forked.agent.name, forked.source, forked.turn, forked.agent.token_count,
               forked.agent.cache_tokens);
    return ExitCode::kOk;
}

Result<ExitCode> roll_back(const Config& config, AgentService& service, const AgentsArguments& arguments) {
    KVASIR_TRY_ASSIGN(const RollbackResult back, service.roll_back(arguments.agent, *arguments.turn));
    if (config.json) {
        print_json(to_json(back));
        return ExitCode::kOk;
    }
    fmt::print("{} is at turn {} again ({} tokens); {} turns after it are kept, but not gone on from\n",
               arguments.agent, back.agent.turn_count, back.agent.token_count, back.turns_left);
    return ExitCode::kOk;
}

Result<ExitCode> change(const Config& config, AgentService& service, const AgentsArguments& arguments) {
    KVASIR_TRY_ASSIGN(const AgentInfo agent, service.change(arguments.agent, arguments.change));
    if (config.json) {
        print_json(to_json(agent));
        return ExitCode::kOk;
    }
    if (arguments.change.name) fmt::print("{} is called {} now\n", arguments.agent, agent.name);
    if (arguments.change.title) fmt::print("{}: {}\n", agent.name, for_terminal(agent.title));
    if (arguments.change.when_full) {
        const bool drops = agent.when_full == WhenFull::kDropOldestTurns;
        fmt::print("{}: when its context is full, {}\n", agent.name,
                   drops ? "its oldest turns are left out, and it says so" : "messages are refused");
    }
    if (arguments.change.pinned) {
        const bool pinned = agent.pinned == Pinned::kYes;
        fmt::print("{} is {}\n", agent.name,
                   pinned ? "pinned: it leaves memory last, and never expires" : "not pinned any more");
    }
    return ExitCode::kOk;
}

// What was done to a resident agent.
template <class Done>
Result<ExitCode> tell(const Config& config, const std::string& what, const Result<Done>& done) {
    if (!done) return fail(done.error());
    if (config.json)
        print_json(to_json(*done));
    else
        print_done(what.c_str(), *done);
    return ExitCode::kOk;
}

}  // namespace

Result<ExitCode> run_agents(const Config& config, const AgentsArguments& arguments) {
    const std::string& agent = arguments.agent;
    const Need need = arguments.verb == AgentsVerb::kCreate ? Need::kModel : Need::kStore;
    KVASIR_TRY_ASSIGN(const auto service, open_agent_service(config, need));
    switch (arguments.verb) {
        case AgentsVerb::kList:
            return list(config, *service);
        case AgentsVerb::kShow:
            return show(config, *service, agent);
        case AgentsVerb::kCreate:
            return create(config, *service, arguments);
        case AgentsVerb::kRemove:
            return remove(config, *service, agent);
        case AgentsVerb::kFork:
            return fork(config, *service, arguments);
        case AgentsVerb::kRollback:
            return roll_back(config, *service, arguments);
        case AgentsVerb::kChange:
            return change(config, *service, arguments);
        case AgentsVerb::kSave:
            return tell(config, "saved " + agent, service->save(agent));
        case AgentsVerb::kLoad:
            return tell(config, "loaded " + agent, service->load(agent));
        case AgentsVerb::kEvict:
            return tell(config, "evicted " + agent, service->evict(agent));
    }
    return ExitCode::kUsage;
}

Result<ExitCode> run_ps(const Config& config) {
    KVASIR_TRY_ASSIGN(const auto service, open_agent_service(config, Need::kStore));
    if (service->host() == AgentHost::kThisProcess) {
        if (!config.json && !config.quiet) {
            fmt::print(
                stderr,
                "kvasir: no server runs on this store, so no agent is resident; this is what is stored\n");
        }
        return list(config, *service);
    }
    KVASIR_TRY_ASSIGN(auto agents, service->list());
    std::erase_if(agents, [](const AgentInfo& agent) { return !is_resident(agent); });
    if (config.json) {
        print_json_of(agents);
    } else if (agents.empty()) {
        fmt::print(
            "no agent is resident: each comes back with its next message, or with 'kvasir agents load'\n");
    } else {
        print_resident_agents(agents);
    }
    return ExitCode::kOk;
}

}  // namespace kvasir
