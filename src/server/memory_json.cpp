#include "server/memory_json.h"

#include <boost/json.hpp>

namespace kvasir {

namespace json = boost::json;

// How much of the context the conversation takes; null without a model.
static json::value context_fill(const AgentInfo& agent) {
    if (agent.context_tokens == 0) return nullptr;
    return static_cast<double>(agent.token_count) / static_cast<double>(agent.context_tokens);
}

json::value to_json(const AgentInfo& agent) {
    return {{"name", agent.name},
            {"type", agent.type},
            {"system_prompt", agent.system_prompt},
            {"state", to_string(agent.state)},
            {"tokens", agent.token_count},
            {"cache_tokens", agent.cache_tokens},
            {"turns", agent.turn_count},
            {"created_unix_ms", agent.created_unix_ms},
            {"last_used_unix_ms", agent.last_used_unix_ms},
            {"kv_memory_bytes", agent.kv_memory_bytes},
            {"kv_disk_bytes", agent.kv_disk_bytes},
            {"model", agent.model_name},
            {"title", agent.title},
            {"made_by", to_string(agent.made_by)},
            {"pinned", agent.pinned == Pinned::kYes},
            {"parent", agent.parent},
            {"context_tokens", agent.context_tokens},
            {"context_fill", context_fill(agent)},
            {"when_full", to_string(agent.when_full)}};
}

json::value to_json(const TurnMetrics& metrics) {
    return {{"prompt_tokens", metrics.prompt_tokens},
            {"reused_tokens", metrics.reused_tokens},
            {"evaluated_tokens", metrics.evaluated_tokens},
            {"answer_tokens", metrics.answer_tokens},
            {"source", to_string(metrics.source)},
            {"not_reused_reason", metrics.not_reused_reason},
            {"turns_dropped", metrics.turns_dropped},
            {"restore_ms", metrics.restore_ms},
            {"prefill_ms", metrics.prefill_ms},
            {"first_token_ms", metrics.first_token_ms},
            {"decode_ms", metrics.decode_ms},
            {"commit_ms", metrics.commit_ms},
            {"save_ms", metrics.save_ms},
            {"append_rows_written", metrics.append_rows_written},
            {"append_bytes_written", metrics.append_bytes_written},
            {"window_bytes_written", metrics.window_bytes_written},
            {"snapshot_bytes_written", metrics.snapshot_bytes_written},
            {"evaluated_by_engine", metrics.evaluated_by_engine}};
}

json::value to_json(const TurnResult& turn) {
    return {{"text", turn.text},
            {"finish_reason", turn.finish_reason},
            {"turn", turn.turn},
            {"durable", turn.durability != Durability::kNothing},
            {"kv_durable", turn.durability == Durability::kTokensAndKv},
            {"warning", turn.warning},
            {"memory", to_json(turn.metrics)}};
}

json::value to_json(const CreateResult& created) {
    return {{"agent", to_json(created.agent)},
            {"reused_tokens", created.reused_tokens},
            {"evaluated_tokens", created.evaluated_tokens},
            {"prefill_ms", created.prefill_ms},
            {"restore_ms", created.restore_ms},
            {"save_ms", created.save.save_ms},
            {"warning", created.save.warning}};
}

json::value to_json(const EraseReceipt& receipt) {
    return {{"agent", receipt.agent},
            {"turns_removed", receipt.turns_removed},
            {"tokens_removed", receipt.tokens_removed},
            {"blocks_removed", receipt.blocks_removed},
            {"bytes_removed", receipt.bytes_removed},
            {"blocks_kept", receipt.blocks_kept},
            {"bytes_kept", receipt.bytes_kept}};
}

json::value to_json(const ForkResult& forked) {
    return {{"agent", to_json(forked.agent)}, {"source", forked.source}, {"turn", forked.turn}};
}

json::value to_json(const RollbackResult& back) {
    return {
        {"agent", to_json(back.agent)}, {"turns_left", back.turns_left}, {"tokens_left", back.tokens_left}};
}

json::value to_json(const ExportReport& report) {
    return {{"agent", report.agent},
            {"tokens", report.tokens},
            {"cache_tokens", report.cache_tokens},
            {"turns", report.turns},
            {"file_bytes", report.file_bytes}};
}

json::value to_json(const ImportReport& report) {
    json::object object{{"agent", report.agent},
                        {"tokens", report.tokens},
                        {"turns", report.turns},
                        {"kv_tokens", report.kv_tokens},
                        {"tokens_to_read", report.tokens_to_read},
                        {"kv_refused", report.kv_refused},
                        {"read_ms", nullptr},
                        {"kv_bytes_written", report.kv_bytes_written},
                        {"dry_run", report.dry_run}};
    if (report.read_ms) object["read_ms"] = *report.read_ms;
    return object;
}

json::value to_json(const RewarmReport& report) {
    return {{"agents", report.agents},
            {"failed", report.failed},
            {"tokens_read", report.tokens_read},
            {"prefill_ms", report.prefill_ms},
            {"last_error", report.last_error}};
}

json::value to_json(const MemoryUsage& usage) {
    json::array agents;
    for (const AgentMemoryUse& agent : usage.agents) {
        agents.push_back(
            {{"name", agent.name}, {"cache_tokens", agent.cache_tokens}, {"kv_bytes", agent.kv_bytes}});
    }
    return {{"weights_bytes", usage.engine.weights_bytes},  {"kv_pool_bytes", usage.engine.kv_pool_bytes},
            {"compute_bytes", usage.engine.compute_bytes},  {"total_bytes", usage.total_bytes},
            {"reserved_bytes", usage.reserved_bytes},       {"agents", agents},
            {"append_cells_used", usage.cells.append_used}, {"append_cells_total", usage.cells.append_total}};
}

json::value to_json(const DiskUsage& usage) {
    return {{"kv_bytes", usage.kv_bytes},
            {"counted_bytes", usage.counted_bytes},
            {"reserved_bytes", usage.reserved_bytes},
            {"catalog_bytes", usage.catalog_bytes},
            {"budget_bytes", usage.budget_bytes},
            {"free_bytes", usage.free_bytes},
            {"reserve_bytes", usage.reserve_bytes},
            {"quarantined_files", usage.quarantined_files},
            {"blocks", usage.blocks},
            {"agents", usage.agents}};
}

json::value to_json(const AgentCache& cache) {
    json::array history;
    for (const TurnReuse& turn : cache.history) {
        history.push_back({{"turn", turn.turn},
                           {"unix_ms", turn.unix_ms},
                           {"prompt_tokens", turn.prompt_tokens},
                           {"reused_tokens", turn.reused_tokens},
                           {"source", to_string(turn.source)},
                           {"not_reused_reason", turn.not_reused_reason},
                           {"restore_ms", turn.restore_ms},
                           {"prefill_ms", turn.prefill_ms}});
    }
    return {{"agent", to_json(cache.agent)},
            {"append_blocks", cache.append_blocks},
            {"append_bytes", cache.append_bytes},
            {"window_segments", cache.window_segments},
            {"window_bytes", cache.window_bytes},
            {"snapshots", cache.snapshots},
            {"snapshot_bytes", cache.snapshot_bytes},
            {"resident_branches", cache.resident_branches},
            {"resident_tokens", cache.resident_tokens},
            {"history", std::move(history)}};
}

json::value to_json(const SaveResult& saved) {
    return {{"kv_durable", saved.durability == Durability::kTokensAndKv},
            {"warning", saved.warning},
            {"rows_written", saved.append_rows_written},
            {"bytes_written",
             saved.append_bytes_written + saved.window_bytes_written + saved.snapshot_bytes_written},
            {"blocks_written", saved.blocks_written},
            {"blocks_shared", saved.blocks_shared},
            {"save_ms", saved.save_ms}};
}

json::value to_json(const LoadResult& loaded) {
    return {{"restored_tokens", loaded.restored_tokens}, {"evaluated_tokens", loaded.evaluated_tokens},
            {"source", to_string(loaded.source)},        {"warning", loaded.warning},
            {"restore_ms", loaded.restore_ms},           {"prefill_ms", loaded.prefill_ms}};
}

json::value to_json(const VerifyReport& report) {
    return {{"good", report.good},
            {"identical", report.identical},
            {"same_token", report.same_token},
            {"deviation", report.deviation},
            {"tokens", report.tokens},
            {"restored_tokens", report.restored_tokens},
            {"restore_ms", report.restore_ms},
            {"prefill_ms", report.prefill_ms},
            {"warning", report.warning}};
}

json::value to_json(const MatchReport& report) {
    json::object object{{"agent", report.agent},
                        {"request", nullptr},
                        {"unix_ms", report.unix_ms},
                        {"found_by", to_string(report.by)},
                        {"turn", report.turn},
                        {"messages", report.messages},
                        {"messages_known", report.messages_known},
                        {"prompt_tokens", report.prompt_tokens},
                        {"history_tokens", report.history_tokens},
                        {"reused_tokens", report.reused_tokens},
                        {"not_reused_reason", report.not_reused_reason},
                        {"difference", nullptr}};
    if (!report.request_id.empty()) object["request"] = report.request_id;
    if (report.difference) {
        object["difference"] = json::object{{"field", report.difference->field},
                                            {"stored", report.difference->stored},
                                            {"received", report.difference->received},
                                            {"fix", report.difference->fix}};
    }
    return object;
}

json::value to_json(const TurnRecord& turn) {
    return {{"turn", turn.number},
            {"user", turn.user_text},
            {"assistant", turn.assistant_text},
            {"tokens", turn.tokens.size()},
            {"token_begin", turn.token_begin},
            {"finish_reason", turn.finish_reason},
            {"created_unix_ms", turn.created_unix_ms}};
}

}  // namespace kvasir
