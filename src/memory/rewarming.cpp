// After a change of KV type, model settings or program, agents whose KV is of no use any more are read again
// before they are spoken to.
#include <algorithm>
#include <utility>

#include "memory/engine_agent_memory.h"
#include "memory/restore_plan.h"

namespace kvasir {

Result<std::vector<std::string>> EngineAgentMemory::names_by_heat() {
    KVASIR_TRY_ASSIGN(std::vector<AgentRecord> records, context_.store.catalog().agents());
    std::erase_if(records, [this](const AgentRecord& record) {
        return record.model_id != context_.engine.fingerprint().model_id();
    });
    std::sort(records.begin(), records.end(), [](const AgentRecord& a, const AgentRecord& b) {
        return std::pair(-a.last_used_unix_ms, a.name) < std::pair(-b.last_used_unix_ms, b.name);
    });
    std::vector<std::string> names;
    for (AgentRecord& record : records) names.push_back(std::move(record.name));
    return names;
}

Result<RewarmCandidate> EngineAgentMemory::rewarm_candidate(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    KVASIR_TRY(check_model(record));
    RewarmCandidate candidate{name, 0, record.last_used_unix_ms};
    if (places_.find(name) != nullptr) return candidate;  // its KV is here, or is being made
    KVASIR_TRY_ASSIGN(const Conversation conversation, head_conversation(record));
    const Position end = conversation.rows_end();
    RestoreRequest request;
    request.tokens = conversation.tokens;
    request.position_max = end;
    request.agent = record.id;
    KVASIR_TRY_ASSIGN(const RestorePlan plan, plan_restore(context_, request));
    candidate.tokens_to_read = end - std::min(end, plan.position);
    return candidate;
}

Status EngineAgentMemory::end_rewarm(const RewarmCandidate& candidate) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(candidate.name));
    KVASIR_TRY(check_idle(candidate.name));
    std::string warning;
    for (ResidentAgent* agent : places_.find_all(candidate.name))
        add_warning(warning, places_.evict(*agent).warning);
    // Nobody has used it.
    KVASIR_TRY(context_.store.catalog().touch_agent(record.id, candidate.last_used_unix_ms));
    if (!warning.empty()) return fail(ErrorCode::kNoSpace, warning);
    return {};
}

}  // namespace kvasir
