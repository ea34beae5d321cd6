// Opening, listing, saving.
#include "memory/agent_memory.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/names.h"
#include "base/process_memory.h"
#include "memory/agent_info.h"
#include "memory/engine_agent_memory.h"

namespace kvasir {

namespace {

// How the KV that was written last for this model differs from this engine's.
Result<std::string> remember_fingerprint(Catalog& catalog, const Fingerprint& fingerprint) {
    KVASIR_TRY_ASSIGN(const auto before, catalog.fingerprint_text(fingerprint.model_id()));
    std::string changes;
    if (before && *before != fingerprint.text()) {
        for (const std::string& change : fingerprint_differences(*before, fingerprint.text())) {
            changes += (changes.empty() ? "" : ", ") + change;
        }
    }
    const Status remembered =
        catalog.remember_fingerprint(fingerprint.digest(), fingerprint.model_id(), fingerprint.text());
    // It only explains: a full disk must not keep anybody from reading.
    if (!remembered) log(LogLevel::kWarning, "fingerprint_not_remembered", remembered.error().message);
    return changes;
}

}  // namespace

void add_save(SaveResult& sum, const SaveResult& one) {
    sum.append_rows_written += one.append_rows_written;
    sum.append_bytes_written += one.append_bytes_written;
    sum.window_bytes_written += one.window_bytes_written;
    sum.snapshot_bytes_written += one.snapshot_bytes_written;
    sum.blocks_written += one.blocks_written;
    sum.blocks_shared += one.blocks_shared;
    sum.save_ms += one.save_ms;
    if (one.durability == Durability::kTokensOnly) sum.durability = Durability::kTokensOnly;
    add_warning(sum.warning, one.warning);
}

void add_warning(std::string& warning, const std::string& more) {
    if (!warning.empty() && !more.empty()) warning += "; ";
    warning += more;
}

MemoryLogs make_memory_logs() { return {std::make_shared<MatchLog>(), std::make_shared<ReuseHistory>()}; }

Result<std::unique_ptr<AgentMemory>> AgentMemory::open(const MemoryOptions& options, Engine& engine,
                                                       Store& store, const Clock& clock) {
    if (options.agents_resident_max == 0 || options.agents_resident_max > kAgentsResidentMax) {
        return fail(ErrorCode::kInvalidArgument, "between 1 and " + std::to_string(kAgentsResidentMax) +
                                                     " agents can be resident (--max-agents)");
    }
    KVASIR_TRY_ASSIGN(std::string changes, remember_fingerprint(store.catalog(), engine.fingerprint()));
    const KvContext context{engine, store, {store.catalog().tenant_salt(), engine.fingerprint().digest()}};
    return std::make_unique<EngineAgentMemory>(context, clock, options, std::move(changes));
}

EngineAgentMemory::EngineAgentMemory(KvContext context, const Clock& clock, const MemoryOptions& options,
                                     std::string fingerprint_changes)
    : context_(context),
      clock_(clock),
      fingerprint_changes_(std::move(fingerprint_changes)),
      logs_(options.logs.matches && options.logs.reuse ? options.logs : make_memory_logs()),
      places_(context, clock, {options.agents_resident_max, options.on_event, logs_.reuse, options.restore}) {
    // It only decides what is faster: what cannot be read is measured again.
    const auto kept = context.store.catalog().setting(kKvRatesSetting);
    const std::string measured_with = context.root.fingerprint.hex() + " ";
    if (kept && *kept && (*kept)->starts_with(measured_with))
        places_.rates() = KvRates::from_text(std::string_view(**kept).substr(measured_with.size()));
}

Status EngineAgentMemory::check_model(const AgentRecord& record) const {
    if (record.model_id == context_.engine.fingerprint().model_id()) return {};
    return fail(ErrorCode::kModelUnusable,
                "the agent " + printable(record.name) + " belongs to the model " +
                    printable(record.model_name) + ", last seen at " + printable(record.model_path) +
                    ", and another one is loaded (" + printable(context_.engine.model().name) +
                    "): start with that model (--model), or create a new agent; nothing of it is lost");
}

bool EngineAgentMemory::is_busy(const std::string& name) const {
    const auto& agents = places_.residency().agents();
    return places_.is_saving(name) ||
           std::any_of(agents.begin(), agents.end(),
                       [&](const ResidentAgent& agent) { return agent.record.name == name && agent.busy; });
}

Status EngineAgentMemory::check_idle(const std::string& name) {
    places_.end_saves(name);
    if (!is_busy(name)) return {};
    return fail(ErrorCode::kConflict,
                "the agent " + printable(name) + " is in the middle of a turn: try again later");
}

Result<Conversation> EngineAgentMemory::head_conversation(const AgentRecord& record) {
    KVASIR_TRY_ASSIGN(auto path, context_.store.catalog().turns(record.id));
    return conversation_at(record, std::move(path));
}

Result<AgentInfo> EngineAgentMemory::describe(const AgentRecord& record) {
    KVASIR_TRY_ASSIGN(AgentInfo info, describe_stored(context_.store.catalog(), record));
    info.context_tokens = context_.engine.model().context_tokens;
    if (const ResidentAgent* agent = places_.find(record.name); agent != nullptr) {
        info.state = agent->state();
        info.cache_tokens = std::min(std::max(info.cache_tokens, agent->length()), record.token_count);
        info.kv_memory_bytes = memory_bytes(*agent);
    } else if (places_.is_damaged(record.name)) {
        info.state = AgentState::kDamaged;
    }
    return info;
}

std::uint64_t EngineAgentMemory::memory_bytes(const ResidentAgent& agent) const {
    const KvLayout& layout = context_.layout();
    return context_.engine.append_cells(agent.sequence) * layout.row_bytes(Plane::kAppend) +
           layout.window_range(agent.length()).size() * layout.row_bytes(Plane::kWindow) +
           std::max(layout.snapshot_bytes(), agent.snapshots.bytes_seen());
}

Result<std::vector<AgentInfo>> EngineAgentMemory::list() {
    KVASIR_TRY_ASSIGN(const std::vector<AgentRecord> records, context_.store.catalog().agents());
    std::vector<AgentInfo> infos;
    for (const AgentRecord& record : records) {
        KVASIR_TRY_ASSIGN(AgentInfo info, describe(record));
        infos.push_back(std::move(info));
    }
    return infos;
}

Result<AgentInfo> EngineAgentMemory::show(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    return describe(record);
}

Result<AgentCache> EngineAgentMemory::cache(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    KVASIR_TRY_ASSIGN(AgentCache cache, stored_cache(context_.store.catalog(), record));
    KVASIR_TRY_ASSIGN(cache.agent, describe(record));
    cache.resident_branches = static_cast<std::uint32_t>(places_.find_all(name).size());
    if (const ResidentAgent* agent = places_.find(name)) cache.resident_tokens = agent->length();
    cache.history = places_.history().of(name);
    return cache;
}

Result<AgentInfo> EngineAgentMemory::set_when_full(const std::string& name, WhenFull when_full) {
    Catalog& catalog = context_.store.catalog();
    KVASIR_TRY_ASSIGN(const AgentRecord record, catalog.agent(name));
    KVASIR_TRY(catalog.set_agent_option(record.id, kWhenFullOption, to_string(when_full)));
    return describe(record);
}

Result<std::vector<TurnRecord>> EngineAgentMemory::turns(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    return context_.store.catalog().turns(record.id);
}

Result<std::optional<ResponseTurn>> EngineAgentMemory::response_turn(const std::string& id) {
    return stored_response_turn(context_.store.catalog(), id);
}

SaveResult EngineAgentMemory::stored_durability(const AgentRecord& record) {
    SaveResult result;
    const auto info = describe(record);
    const bool stored = info && (info->state == AgentState::kStored || record.token_count == 0);
    if (!stored) result.durability = Durability::kTokensOnly;
    return result;
}

Result<SaveResult> EngineAgentMemory::save(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    KVASIR_TRY(check_idle(name));
    const auto agents = places_.find_all(name);
    if (agents.empty()) return stored_durability(record);
    SaveResult sum;
    for (ResidentAgent* agent : agents) add_save(sum, places_.save(*agent));
    return sum;
}

Result<SaveResult> EngineAgentMemory::save_all() {
    SaveResult sum;
    places_.for_each_idle([&](ResidentAgent& agent) { add_save(sum, places_.save(agent)); });
    return sum;
}

Result<SaveResult> EngineAgentMemory::evict(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(name));
    KVASIR_TRY(check_idle(name));
    const auto agents = places_.find_all(name);
    if (agents.empty()) return stored_durability(record);
    SaveResult sum;
    for (ResidentAgent* agent : agents) add_save(sum, places_.evict(*agent));
    return sum;
}

Result<RestResult> EngineAgentMemory::rest() {
    const auto& agents = places_.residency().agents();
    if (places_.is_saving() || places_.anybody_busy())
        return fail(ErrorCode::kConflict, "a turn is running: try again later");
    KVASIR_TRY_ASSIGN(const SaveResult saved, save_all());
    if (saved.durability == Durability::kTokensOnly) return fail(ErrorCode::kUnavailable, saved.warning);
    RestResult result;
    while (!agents.empty()) {
        places_.evict(*places_.find(agents.front().record.name));
        ++result.agents_evicted;
    }
    KVASIR_TRY_ASSIGN(result.bytes_given_back, context_.engine.rest());
    give_back_freed_memory();
    if (result.bytes_given_back > 0) {
        places_.tell({MemoryEventKind::kRested, "", result.agents_evicted, 0,
                      std::to_string(result.bytes_given_back) + " bytes were given back"});
    }
    return result;
}

MemoryUsage EngineAgentMemory::memory_usage() const {
    MemoryUsage usage;
    usage.engine = context_.engine.memory();
    usage.cells = context_.engine.cells();
    for (const ResidentAgent& agent : places_.residency().agents()) {
        usage.agents.push_back({agent.record.name, agent.length(), memory_bytes(agent)});
    }
    ModelMemoryUse model{context_.engine.model().name,
                         usage.engine,
                         usage.cells,
                         usage.agents.size(),
                         0,
                         context_.engine.model().context_tokens,
                         context_.engine.counters().total()};
    for (const AgentMemoryUse& agent : usage.agents)
        model.longest_tokens = std::max(model.longest_tokens, agent.cache_tokens);
    usage.models.push_back(std::move(model));
    usage.reserved_bytes =
        usage.engine.weights_bytes + usage.engine.kv_pool_bytes + usage.engine.compute_bytes;
    // Compute buffers are reserved for the largest step and touched as far as steps need them, so the sum of
    // the parts is a ceiling. What the process takes is what the kernel says.
    usage.total_bytes = process_resident_bytes();
    if (usage.total_bytes == 0) usage.total_bytes = usage.reserved_bytes;
    return usage;
}

}  // namespace kvasir
