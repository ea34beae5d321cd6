// Changing and removing agents.
#include <utility>

#include "base/names.h"
#include "memory/agent_info.h"
#include "memory/engine_agent_memory.h"
#include "memory/input_checks.h"

namespace kvasir {

Result<AgentInfo> change_stored_agent(Store& store, const std::string& name, const AgentChange& change) {
    if (change.name) KVASIR_TRY(check_agent_name(*change.name));
    if (change.title) KVASIR_TRY(check_agent_title(*change.title));
    if (change.type) KVASIR_TRY(check_agent_type(*change.type));
    Catalog& catalog = store.catalog();
    KVASIR_TRY_ASSIGN(const AgentRecord after,
                      change.changes_record() ? catalog.change_agent(name, change) : catalog.agent(name));
    if (change.when_full)
        KVASIR_TRY(catalog.set_agent_option(after.id, kWhenFullOption, to_string(*change.when_full)));
    return describe_stored(catalog, after);
}

Result<AgentInfo> EngineAgentMemory::change(const std::string& name, const AgentChange& change) {
    KVASIR_TRY(context_.store.catalog().agent(name));
    if (change.name) KVASIR_TRY(check_idle(name));  // a turn goes by its agent's name
    KVASIR_TRY(change_stored_agent(context_.store, name, change));
    const std::string after = change.name.value_or(name);
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(after));
    places_.note_change(name, record);
    places_.tell({MemoryEventKind::kChanged, after, 0, 0, after == name ? "" : "was " + name});
    return describe(record);
}

Result<EraseReceipt> EngineAgentMemory::erase(const std::string& name, MemoryEventKind kind) {
    auto receipt = erase_stored_agent(context_.store, name);
    if (!context_.store.catalog().agent(name)) {
        for (ResidentAgent* agent : places_.find_all(name)) places_.drop(*agent);
        places_.history().forget(name);
        places_.tell({kind, name, receipt ? receipt->tokens_removed : 0, 0, {}});
    }
    return receipt;
}

Result<EraseReceipt> EngineAgentMemory::remove(const std::string& name) {
    KVASIR_TRY(context_.store.catalog().agent(name));
    KVASIR_TRY(check_idle(name));
    return erase(name, MemoryEventKind::kRemoved);
}

Result<EraseReceipt> EngineAgentMemory::expire(const std::string& name) {
    KVASIR_TRY(check_idle(name));
    return erase(name, MemoryEventKind::kExpired);
}

Result<std::optional<EraseReceipt>> EngineAgentMemory::expire_one(std::int64_t unused_since_unix_ms) {
    KVASIR_TRY_ASSIGN(const auto names, context_.store.catalog().unused_sessions(unused_since_unix_ms));
    for (const std::string& name : names) {
        if (is_busy(name)) continue;
        KVASIR_TRY_ASSIGN(EraseReceipt receipt, expire(name));
        return std::optional<EraseReceipt>(std::move(receipt));
    }
    return std::optional<EraseReceipt>();
}

}  // namespace kvasir
