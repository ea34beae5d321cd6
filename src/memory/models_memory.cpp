#include "memory/models_memory.h"

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "base/process_memory.h"
#include "memory/agent_info.h"
#include "memory/match_report.h"
#include "memory/turn_run.h"

namespace kvasir {

namespace {

tl::unexpected<Error> needs_its_model() {
    return fail(ErrorCode::kUnavailable,
                "this needs the agent's model, which is not loaded: try again later");
}

}  // namespace

ModelsMemory::ModelsMemory(Store& store, const Clock& clock, MemoryOptions options)
    : store_(store), clock_(clock), options_(std::move(options)) {
    options_.logs = make_memory_logs();
}

void ModelsMemory::add(std::string name, AgentMemory& memory, const Engine& engine) {
    loaded_.push_back({std::move(name), &memory, &engine});
}

void ModelsMemory::remove(const AgentMemory& memory) {
    std::erase_if(loaded_, [&](const Loaded& loaded) { return loaded.memory == &memory; });
}

AgentMemory* ModelsMemory::memory_of(const AgentRecord& record) const {
    const auto found = std::find_if(loaded_.begin(), loaded_.end(), [&](const Loaded& loaded) {
        return loaded.engine->fingerprint().model_id() == record.model_id;
    });
    return found == loaded_.end() ? nullptr : found->memory;
}

Result<AgentMemory*> ModelsMemory::memory_of(const std::string& agent) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, store_.catalog().agent(agent));
    return memory_of(record);
}

Result<AgentMemory*> ModelsMemory::loaded_memory_of(const std::string& agent) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(agent));
    if (memory == nullptr) return needs_its_model();
    return memory;
}

void ModelsMemory::tell(MemoryEventKind kind, const std::string& agent, std::uint64_t tokens,
                        std::string detail) const {
    if (options_.on_event) options_.on_event({kind, agent, tokens, 0, std::move(detail)});
}

Result<CreateResult> ModelsMemory::create(const std::string&, const std::string&, const std::string&) {
    return needs_its_model();
}

Result<TurnResult> ModelsMemory::message(const std::string&, const std::string&, const MessageOptions&) {
    return needs_its_model();
}

Result<std::unique_ptr<TurnRun>> ModelsMemory::begin_turn(TurnRequest, TurnSinks) {
    return needs_its_model();
}

Result<std::unique_ptr<TurnRun>> ModelsMemory::begin_read_ahead(ReadAhead&) { return needs_its_model(); }

Status ModelsMemory::evaluate(std::span<const BatchRow>) { return needs_its_model(); }

Result<Position> ModelsMemory::count_tokens(const TurnRequest&) { return needs_its_model(); }

Result<MatchReport> ModelsMemory::match(const TurnRequest&) { return needs_its_model(); }

Result<LoadResult> ModelsMemory::load(const std::string&) { return needs_its_model(); }

Result<std::unique_ptr<AgentVerify>> ModelsMemory::begin_verify(const std::string&) {
    return needs_its_model();
}

Result<VerifyReport> ModelsMemory::verify(const std::string&) { return needs_its_model(); }

std::vector<MatchReport> ModelsMemory::match_reports(const std::string& agent) const {
    return options_.logs.matches->of(agent);
}

std::optional<MatchReport> ModelsMemory::match_report(const std::string& request_id) const {
    return options_.logs.matches->find(request_id);
}

bool ModelsMemory::is_saving(const std::string& name) const {
    return std::any_of(loaded_.begin(), loaded_.end(),
                       [&](const Loaded& loaded) { return loaded.memory->is_saving(name); });
}

bool ModelsMemory::is_busy(const std::string& name) const {
    return std::any_of(loaded_.begin(), loaded_.end(),
                       [&](const Loaded& loaded) { return loaded.memory->is_busy(name); });
}

// A model leaves when its agents are saved, or it does not leave.
Result<SaveResult> ModelsMemory::stored_durability(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentInfo info, show_stored_agent(store_, name));
    SaveResult result;
    if (info.state != AgentState::kStored && info.token_count > 0)
        result.durability = Durability::kTokensOnly;
    return result;
}

Result<SaveResult> ModelsMemory::save(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    return memory != nullptr ? memory->save(name) : stored_durability(name);
}

Result<SaveResult> ModelsMemory::save_all() {
    SaveResult sum;
    Status first;
    for (const Loaded& loaded : loaded_) {
        const auto saved = loaded.memory->save_all();
        if (saved) add_save(sum, *saved);
        if (!saved && first) first = fail(saved.error());
    }
    KVASIR_TRY(std::move(first));
    return sum;
}

Result<SaveResult> ModelsMemory::evict(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    return memory != nullptr ? memory->evict(name) : stored_durability(name);
}

Result<RestResult> ModelsMemory::rest() {
    if (options_.on_rest) options_.on_rest();
    RestResult sum;
    Result<RestResult> refused = sum;
    for (const Loaded& loaded : loaded_) {
        const auto rested = loaded.memory->rest();
        if (!rested) {
            refused = rested;
            continue;
        }
        sum.agents_evicted += rested->agents_evicted;
        sum.bytes_given_back += rested->bytes_given_back;
    }
    return sum.bytes_given_back > 0 ? Result<RestResult>(sum) : refused;
}

Result<EraseReceipt> ModelsMemory::erase(const std::string& name, MemoryEventKind kind) {
    auto receipt = erase_stored_agent(store_, name);
    if (!store_.catalog().agent(name)) {
        options_.logs.reuse->forget(name);
        tell(kind, name, receipt ? receipt->tokens_removed : 0, {});
    }
    return receipt;
}

Result<EraseReceipt> ModelsMemory::remove(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    return memory != nullptr ? memory->remove(name) : erase(name, MemoryEventKind::kRemoved);
}

Result<EraseReceipt> ModelsMemory::expire(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    return memory != nullptr ? memory->expire(name) : erase(name, MemoryEventKind::kExpired);
}

Result<std::optional<EraseReceipt>> ModelsMemory::expire_one(std::int64_t unused_since_unix_ms) {
    KVASIR_TRY_ASSIGN(const auto names, store_.catalog().unused_sessions(unused_since_unix_ms));
    for (const std::string& name : names) {
        if (is_busy(name)) continue;
        KVASIR_TRY_ASSIGN(EraseReceipt receipt, expire(name));
        return std::optional<EraseReceipt>(std::move(receipt));
    }
    return std::optional<EraseReceipt>();
}

Result<AgentInfo> ModelsMemory::change(const std::string& name, const AgentChange& change) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    if (memory != nullptr) return memory->change(name, change);
    KVASIR_TRY_ASSIGN(AgentInfo after, change_stored_agent(store_, name, change));
    options_.logs.reuse->rename(name, after.name);
    tell(MemoryEventKind::kChanged, after.name, 0, after.name == name ? "" : "was " + name);
    return after;
}

Result<ForkResult> ModelsMemory::fork(const std::string& name, const std::string& new_name,
                                      std::optional<std::uint32_t> at) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    if (memory != nullptr) return memory->fork(name, new_name, at);
    KVASIR_TRY_ASSIGN(ForkResult result, fork_stored_agent(store_, clock_, NewFork{name, new_name, at}));
    tell(MemoryEventKind::kForked, new_name, result.agent.token_count,
         "from " + name + ", turn " + std::to_string(result.turn));
    return result;
}

Result<AgentInfo> ModelsMemory::set_when_full(const std::string& name, WhenFull when_full) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, store_.catalog().agent(name));
    KVASIR_TRY(store_.catalog().set_agent_option(record.id, kWhenFullOption, to_string(when_full)));
    return show(name);
}

Result<RollbackResult> ModelsMemory::roll_back(const std::string& name, std::uint32_t to) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    if (memory != nullptr) return memory->roll_back(name, to);
    KVASIR_TRY_ASSIGN(RollbackResult result, roll_back_stored_agent(store_, clock_, name, to));
    tell(MemoryEventKind::kRolledBack, name, result.agent.token_count, "to turn " + std::to_string(to));
    return result;
}

Result<std::vector<AgentInfo>> ModelsMemory::list() {
    KVASIR_TRY_ASSIGN(const std::vector<AgentRecord> records, store_.catalog().agents());
    std::vector<AgentInfo> infos;
    for (const AgentRecord& record : records) {
        AgentMemory* const memory = memory_of(record);
        KVASIR_TRY_ASSIGN(AgentInfo info, memory != nullptr ? memory->show(record.name)
                                                            : describe_stored(store_.catalog(), record));
        infos.push_back(std::move(info));
    }
    return infos;
}

Result<AgentInfo> ModelsMemory::show(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory* const memory, memory_of(name));
    return memory != nullptr ? memory->show(name) : show_stored_agent(store_, name);
}

Result<AgentCache> ModelsMemory::cache(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, store_.catalog().agent(name));
    if (AgentMemory* const memory = memory_of(record)) return memory->cache(name);
    KVASIR_TRY_ASSIGN(AgentCache cache, stored_cache(store_.catalog(), record));
    cache.history = options_.logs.reuse->of(name);
    return cache;
}

Result<std::vector<TurnRecord>> ModelsMemory::turns(const std::string& name) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, store_.catalog().agent(name));
    return store_.catalog().turns(record.id);
}

Result<std::optional<ResponseTurn>> ModelsMemory::response_turn(const std::string& id) {
    return stored_response_turn(store_.catalog(), id);
}

MemoryUsage ModelsMemory::memory_usage() const {
    MemoryUsage sum;
    for (const Loaded& loaded : loaded_) {
        MemoryUsage usage = loaded.memory->memory_usage();
        for (ModelMemoryUse& model : usage.models) {
            model.name = loaded.name;
            sum.engine.weights_bytes += model.engine.weights_bytes;
            sum.engine.kv_pool_bytes += model.engine.kv_pool_bytes;
            sum.engine.compute_bytes += model.engine.compute_bytes;
            sum.cells.append_total += model.cells.append_total;
            sum.cells.append_used += model.cells.append_used;
            sum.cells.window_total += model.cells.window_total;
            sum.cells.window_used += model.cells.window_used;
            sum.models.push_back(std::move(model));
        }
        std::move(usage.agents.begin(), usage.agents.end(), std::back_inserter(sum.agents));
        sum.reserved_bytes += usage.reserved_bytes;
    }
    sum.total_bytes = process_resident_bytes();
    if (sum.total_bytes == 0) sum.total_bytes = sum.reserved_bytes;
    return sum;
}

std::vector<std::string> ModelsMemory::resident() const {
    std::vector<std::string> names;
    for (const Loaded& loaded : loaded_) {
        const auto more = loaded.memory->resident();
        names.insert(names.end(), more.begin(), more.end());
    }
    return names;
}

}  // namespace kvasir
