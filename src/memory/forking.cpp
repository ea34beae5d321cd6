// Forks of an agent, and going back in its conversation: the catalog's work; KV follows by what tokens say.
#include <algorithm>
#include <utility>

#include "base/names.h"
#include "memory/agent_info.h"
#include "memory/engine_agent_memory.h"
#include "memory/input_checks.h"

namespace kvasir {

Result<ForkResult> fork_stored_agent(Store& store, const Clock& clock, const NewFork& fork) {
    KVASIR_TRY(check_agent_name(fork.name));
    KVASIR_TRY(store.admit_turn());
    KVASIR_TRY_ASSIGN(const AgentRecord made, store.catalog().fork_agent(fork, clock.unix_ms()));
    ForkResult result;
    KVASIR_TRY_ASSIGN(result.agent, describe_stored(store.catalog(), made));
    result.source = fork.source;
    result.turn = made.turn_count;
    return result;
}

Result<RollbackResult> roll_back_stored_agent(Store& store, const Clock& clock, const std::string& name,
                                              std::uint32_t to) {
    KVASIR_TRY_ASSIGN(const AgentRecord before, store.catalog().agent(name));
    KVASIR_TRY_ASSIGN(const AgentRecord after, store.catalog().go_back(name, to, clock.unix_ms()));
    RollbackResult result;
    KVASIR_TRY_ASSIGN(result.agent, describe_stored(store.catalog(), after));
    result.turns_left = before.turn_count - after.turn_count;
    // A turn may have diverged inside those before it: the earlier conversation can be the longer one.
    result.tokens_left = before.token_count - std::min(before.token_count, after.token_count);
    return result;
}

Result<ForkResult> EngineAgentMemory::fork(const std::string& name, const std::string& new_name,
                                           std::optional<std::uint32_t> at) {
    KVASIR_TRY(context_.store.catalog().agent(name));
    // What is not stored yet could not be shared.
    places_.save_idle(name);
    KVASIR_TRY_ASSIGN(ForkResult result,
                      fork_stored_agent(context_.store, clock_, NewFork{name, new_name, at}));
    places_.tell({MemoryEventKind::kForked, new_name, result.agent.token_count, 0,
                  "from " + name + ", turn " + std::to_string(result.turn)});
    return result;
}

Result<RollbackResult> EngineAgentMemory::roll_back(const std::string& name, std::uint32_t to) {
    KVASIR_TRY(context_.store.catalog().agent(name));
    KVASIR_TRY(check_idle(name));
    for (ResidentAgent* agent : places_.find_all(name)) places_.save(*agent);
    KVASIR_TRY_ASSIGN(RollbackResult result, roll_back_stored_agent(context_.store, clock_, name, to));
    KVASIR_TRY_ASSIGN(result.agent, show(name));
    places_.tell(
        {MemoryEventKind::kRolledBack, name, result.agent.token_count, 0, "to turn " + std::to_string(to)});
    return result;
}

}  // namespace kvasir
