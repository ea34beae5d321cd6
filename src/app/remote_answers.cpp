#include "app/remote_answers.h"

#include <string>
#include <utility>

#include <boost/json.hpp>

#include "app/server_json.h"

namespace kvasir {

namespace json = boost::json;

namespace {

void read_metrics(const json::value& value, TurnMetrics& metrics, ServerFields& outer) {
    ServerFields fields(value);
    fields.read("prompt_tokens", metrics.prompt_tokens);
    fields.read("reused_tokens", metrics.reused_tokens);
    fields.read("evaluated_tokens", metrics.evaluated_tokens);
    fields.read("answer_tokens", metrics.answer_tokens);
    fields.read("source", metrics.source, ReuseSource::kDisk);
    fields.read("not_reused_reason", metrics.not_reused_reason);
    fields.read("turns_dropped", metrics.turns_dropped);
    fields.read("restore_ms", metrics.restore_ms);
    fields.read("prefill_ms", metrics.prefill_ms);
    fields.read("first_token_ms", metrics.first_token_ms);
    fields.read("decode_ms", metrics.decode_ms);
    fields.read("commit_ms", metrics.commit_ms);
    fields.read("save_ms", metrics.save_ms);
    fields.read("append_rows_written", metrics.append_rows_written);
    fields.read("append_bytes_written", metrics.append_bytes_written);
    fields.read("window_bytes_written", metrics.window_bytes_written);
    fields.read("snapshot_bytes_written", metrics.snapshot_bytes_written);
    fields.read("evaluated_by_engine", metrics.evaluated_by_engine);
    if (!fields.done(true)) outer.fail_here();
}

}  // namespace

Result<AgentInfo> agent_of_json(const json::value& answer) {
    ServerFields fields(answer);
    AgentInfo agent;
    fields.read("name", agent.name);
    fields.read("type", agent.type);
    fields.read("system_prompt", agent.system_prompt);
    fields.read("state", agent.state, AgentState::kDamaged);
    fields.read("tokens", agent.token_count);
    fields.read("cache_tokens", agent.cache_tokens);
    fields.read("turns", agent.turn_count);
    fields.read("created_unix_ms", agent.created_unix_ms);
    fields.read("last_used_unix_ms", agent.last_used_unix_ms);
    fields.read("kv_memory_bytes", agent.kv_memory_bytes);
    fields.read("kv_disk_bytes", agent.kv_disk_bytes);
    fields.read("model", agent.model_name);
    fields.read("title", agent.title);
    fields.read("made_by", agent.made_by, MadeBy::kSession);
    bool pinned = false;
    fields.read("pinned", pinned);
    agent.pinned = pinned ? Pinned::kYes : Pinned::kNo;
    fields.read("parent", agent.parent);
    fields.read("context_tokens", agent.context_tokens);
    fields.read("when_full", agent.when_full, WhenFull::kDropOldestTurns);
    // Follows from the others; null where the server has no model loaded.
    const json::value* fill = fields.find("context_fill");
    if (fill != nullptr && !fill->is_null() && !fill->is_number()) fields.fail_here();
    return fields.done(std::move(agent));
}

Result<std::vector<AgentInfo>> agents_of_json(const json::value& answer) {
    ServerFields fields(answer);
    const json::value* list = fields.find("agents");
    if (list == nullptr || !list->is_array()) return fail(not_understood());
    std::vector<AgentInfo> agents;
    for (const json::value& one : list->get_array()) {
        KVASIR_TRY_ASSIGN(AgentInfo agent, agent_of_json(one));
        agents.push_back(std::move(agent));
    }
    return agents;
}

Result<CreateResult> created_of_json(const json::value& answer) {
    ServerFields fields(answer);
    CreateResult created;
    if (const json::value* agent = fields.find("agent")) {
        KVASIR_TRY_ASSIGN(created.agent, agent_of_json(*agent));
    }
    fields.read("reused_tokens", created.reused_tokens);
    fields.read("evaluated_tokens", created.evaluated_tokens);
    fields.read("prefill_ms", created.prefill_ms);
    fields.read("restore_ms", created.restore_ms);
    fields.read("save_ms", created.save.save_ms);
    fields.read("warning", created.save.warning);
    return fields.done(std::move(created));
}

Result<ForkResult> forked_of_json(const json::value& answer) {
    ServerFields fields(answer);
    ForkResult forked;
    if (const json::value* agent = fields.find("agent")) {
        KVASIR_TRY_ASSIGN(forked.agent, agent_of_json(*agent));
    }
    fields.read("source", forked.source);
    fields.read("turn", forked.turn);
    return fields.done(std::move(forked));
}

Result<RollbackResult> rolled_back_of_json(const json::value& answer) {
    ServerFields fields(answer);
    RollbackResult back;
    if (const json::value* agent = fields.find("agent")) {
        KVASIR_TRY_ASSIGN(back.agent, agent_of_json(*agent));
    }
    fields.read("turns_left", back.turns_left);
    fields.read("tokens_left", back.tokens_left);
    return fields.done(std::move(back));
}

Result<EraseReceipt> receipt_of_json(const json::value& answer) {
    ServerFields fields(answer);
    EraseReceipt receipt;
    fields.read("agent", receipt.agent);
    fields.read("turns_removed", receipt.turns_removed);
    fields.read("tokens_removed", receipt.tokens_removed);
    fields.read("blocks_removed", receipt.blocks_removed);
    fields.read("bytes_removed", receipt.bytes_removed);
    fields.read("blocks_kept", receipt.blocks_kept);
    fields.read("bytes_kept", receipt.bytes_kept);
    return fields.done(std::move(receipt));
}

Result<ImportReport> imported_of_json(const json::value& answer) {
    ServerFields fields(answer);
    ImportReport report;
    fields.read("agent", report.agent);
    fields.read("tokens", report.tokens);
    fields.read("turns", report.turns);
    fields.read("kv_tokens", report.kv_tokens);
    fields.read("tokens_to_read", report.tokens_to_read);
    fields.read("kv_refused", report.kv_refused);
    fields.read("kv_bytes_written", report.kv_bytes_written);
    fields.read("dry_run", report.dry_run);
    if (const json::value* ms = fields.find("read_ms"); ms != nullptr && !ms->is_null()) {
        double number = 0;
        fields.read("read_ms", number);
        report.read_ms = number;
    }
    return fields.done(std::move(report));
}

Result<RemoteRewarm> rewarm_of_json(const json::value& answer) {
    ServerFields fields(answer);
    RemoteRewarm rewarm;
    fields.read("running", rewarm.running);
    fields.read("current", rewarm.current);
    fields.read("agents", rewarm.report.agents);
    fields.read("failed", rewarm.report.failed);
    fields.read("tokens_read", rewarm.report.tokens_read);
    fields.read("prefill_ms", rewarm.report.prefill_ms);
    fields.read("last_error", rewarm.report.last_error);
    return fields.done(std::move(rewarm));
}

Result<SaveResult> saved_of_json(const json::value& answer) {
    ServerFields fields(answer);
    SaveResult saved;
    bool durable = false;
    fields.read("kv_durable", durable);
    saved.durability = durable ? Durability::kTokensAndKv : Durability::kTokensOnly;
    fields.read("warning", saved.warning);
    fields.read("rows_written", saved.append_rows_written);
    fields.read("bytes_written", saved.append_bytes_written);  // of both planes: they are told as one
    fields.read("blocks_written", saved.blocks_written);
    fields.read("blocks_shared", saved.blocks_shared);
    fields.read("save_ms", saved.save_ms);
    return fields.done(std::move(saved));
}

Result<LoadResult> loaded_of_json(const json::value& answer) {
    ServerFields fields(answer);
    LoadResult loaded;
    fields.read("restored_tokens", loaded.restored_tokens);
    fields.read("evaluated_tokens", loaded.evaluated_tokens);
    fields.read("source", loaded.source, ReuseSource::kDisk);
    fields.read("warning", loaded.warning);
    fields.read("restore_ms", loaded.restore_ms);
    fields.read("prefill_ms", loaded.prefill_ms);
    return fields.done(std::move(loaded));
}

Result<VerifyReport> verified_of_json(const json::value& answer) {
    ServerFields fields(answer);
    VerifyReport report;
    fields.read("good", report.good);
    fields.read("identical", report.identical);
    fields.read("same_token", report.same_token);
    fields.read("deviation", report.deviation);
    fields.read("tokens", report.tokens);
    fields.read("restored_tokens", report.restored_tokens);
    fields.read("restore_ms", report.restore_ms);
    fields.read("prefill_ms", report.prefill_ms);
    fields.read("warning", report.warning);
    return fields.done(std::move(report));
}

Result<MemoryUsage> memory_of_json(const json::value& answer) {
    ServerFields fields(answer);
    MemoryUsage usage;
    fields.read("weights_bytes", usage.engine.weights_bytes);
    fields.read("kv_pool_bytes", usage.engine.kv_pool_bytes);
    fields.read("compute_bytes", usage.engine.compute_bytes);
    fields.read("total_bytes", usage.total_bytes);
    fields.read("reserved_bytes", usage.reserved_bytes);
    fields.read("append_cells_used", usage.cells.append_used);
    fields.read("append_cells_total", usage.cells.append_total);
    const json::value* list = fields.find("agents");
    if (list == nullptr || !list->is_array()) return fail(not_understood());
    for (const json::value& one : list->get_array()) {
        ServerFields agent_fields(one);
        AgentMemoryUse agent;
        agent_fields.read("name", agent.name);
        agent_fields.read("cache_tokens", agent.cache_tokens);
        agent_fields.read("kv_bytes", agent.kv_bytes);
        KVASIR_TRY_ASSIGN(agent, agent_fields.done(std::move(agent)));
        usage.agents.push_back(std::move(agent));
    }
    return fields.done(std::move(usage));
}

Result<RemoteProgress> progress_of_json(const json::value& event) {
    ServerFields fields(event);
    RemoteProgress progress;
    std::string phase;
    fields.read("phase", phase);
    progress.phase = phase == "restore" ? TurnPhase::kRestore : TurnPhase::kPrefill;
    fields.read("done", progress.done);
    fields.read("total", progress.total);
    return fields.done(progress);
}

Result<TurnResult> turn_of_json(const json::value& answer) {
    ServerFields fields(answer);
    TurnResult turn;
    fields.read("content", turn.text);
    fields.read("turn", turn.turn);
    fields.read("finish_reason", turn.finish_reason);
    fields.read("warning", turn.warning);
    bool durable = false;
    fields.read("durable", durable);
    if (!durable) turn.durability = Durability::kNothing;
    if (const json::value* memory = fields.find("memory")) read_metrics(*memory, turn.metrics, fields);
    return fields.done(std::move(turn));
}

}  // namespace kvasir
