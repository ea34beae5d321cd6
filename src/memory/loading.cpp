// Making an agent resident without a message: its stored KV, and prefill of what is not stored.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "memory/engine_agent_memory.h"

namespace kvasir {

namespace {

// Where window rows are worth keeping: those that are kept now, the system prefix, the last prompt, the end.
Result<std::vector<Position>> boundaries_of(Catalog& catalog, const Conversation& conversation) {
    std::vector<Position> boundaries = {conversation.prefix_end(), conversation.rows_end()};
    if (conversation.turns.size() > 1) {
        const TurnRecord& last = conversation.turns.back();
        boundaries.push_back(last.token_begin + last.prompt_token_count - 1);
    }
    KVASIR_TRY_ASSIGN(const auto blocks, catalog.referenced_blocks(conversation.agent.id));
    for (const StoredBlock& block : blocks) {
        if (block.kind == BlockKind::kWindow) boundaries.push_back(block.range.end);
    }
    std::erase_if(boundaries,
                  [&](Position boundary) { return boundary == 0 || boundary > conversation.rows_end(); });
    std::sort(boundaries.begin(), boundaries.end());
    boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
    return boundaries;
}

}  // namespace

Result<LoadResult> EngineAgentMemory::bring_back(ResidentAgent& agent, const Conversation& conversation) {
    const Position end = conversation.rows_end();
    const auto tokens = std::span(conversation.tokens).first(end);
    KVASIR_TRY_ASSIGN(auto boundaries, boundaries_of(context_.store.catalog(), conversation));
    KVASIR_TRY_ASSIGN(const Reuse reuse, places_.reuse(agent, {tokens, end, boundaries}));
    LoadResult result;
    result.source = reuse.source;
    result.restored_tokens = reuse.source == ReuseSource::kDisk ? reuse.position : 0;
    result.evaluated_tokens = end - reuse.position;
    result.restore_ms = reuse.restore_ms;
    const bool changed =
        result.evaluated_tokens > 0 && !fingerprint_changes_.empty() && reuse.failures.empty();
    result.warning = restore_warning(changed ? "fingerprint_changed" : "", reuse, fingerprint_changes_,
                                     result.evaluated_tokens);
    const std::int64_t prefill_begin_us = clock_.monotonic_us();
    PrefillRequest request{tokens, std::move(boundaries), LastLogits::kNo, nullptr, nullptr};
    KVASIR_TRY(prefill(context_.engine, agent, request, places_.decode_function()));
    result.prefill_ms = ms_since(prefill_begin_us);
    return result;
}

Result<LoadResult> EngineAgentMemory::load(const std::string& name) {
    KVASIR_TRY_ASSIGN(const Conversation conversation, open_conversation(name));
    KVASIR_TRY(check_idle(name));
    KVASIR_TRY_ASSIGN(ResidentAgent * agent, places_.take(conversation, conversation.tokens));
    auto loaded = bring_back(*agent, conversation);
    places_.release(*agent);
    if (!loaded) {
        places_.roll_back(*agent, conversation.tokens);
        return loaded;
    }
    const Status touched = context_.store.catalog().touch_agent(conversation.agent.id, clock_.unix_ms());
    if (!touched) log(LogLevel::kWarning, "agent_not_touched", touched.error().message);
    for (const std::string& warning : places_.take_warnings()) add_warning(loaded->warning, warning);
    return loaded;
}

}  // namespace kvasir
