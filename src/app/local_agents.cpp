#include "app/local_agents.h"

#include <utility>

#include <fmt/format.h>

#include "app/model_choice.h"
#include "base/byte_source.h"
#include "base/new_file.h"

namespace kvasir {

Result<std::unique_ptr<AgentService>> LocalAgents::open(const Config& config, OpenStore store, Need need) {
    std::unique_ptr<LocalAgents> agents(new LocalAgents(config, std::move(store)));
    // Of several models the agent decides, and it is not known yet.
    if (need == Need::kModel && config.models.size() <= 1) KVASIR_TRY(agents->memory());
    return agents;
}

Result<AgentMemory*> LocalAgents::memory() {
    return session_ ? &session_->memory() : memory_on(model_of(config_));
}

Result<AgentMemory*> LocalAgents::memory_on(const std::string& model_path) {
    if (session_ && model_path != model_path_) {  // the store is opened anew with it
        session_.reset();
        KVASIR_TRY_ASSIGN(store_, open_store(config_));
    }
    if (!session_) {
        SessionOptions options;
        options.model_path = model_path;
        KVASIR_TRY_ASSIGN(session_, Session::open(config_, std::move(store_), options));
        model_path_ = model_path;
    }
    return &session_->memory();
}

Result<AgentMemory*> LocalAgents::memory_of(const std::string& agent) {
    if (config_.models.size() <= 1) return memory();
    KVASIR_TRY_ASSIGN(const AgentRecord record, store().catalog().agent(agent));
    KVASIR_TRY_ASSIGN(const std::string path, model_path_for(config_, record));
    return memory_on(path);
}

Result<std::vector<AgentInfo>> LocalAgents::list() {
    return session_ ? session_->memory().list() : list_stored_agents(store());
}

Result<AgentInfo> LocalAgents::show(const std::string& name) {
    return session_ ? session_->memory().show(name) : show_stored_agent(store(), name);
}

Result<CreateResult> LocalAgents::create(const std::string& name, const std::string& type,
                                         const std::string& system_prompt) {
    KVASIR_TRY_ASSIGN(AgentMemory * memory, this->memory());
    return memory->create(name, type, system_prompt);
}

Result<EraseReceipt> LocalAgents::remove(const std::string& name) {
    return session_ ? session_->memory().remove(name) : erase_stored_agent(store(), name);
}

Result<ForkResult> LocalAgents::fork(const std::string& name, const std::string& new_name,
                                     std::optional<std::uint32_t> at) {
    if (session_) return session_->memory().fork(name, new_name, at);
    return fork_stored_agent(store(), system_clock(), NewFork{name, new_name, at});
}

Result<RollbackResult> LocalAgents::roll_back(const std::string& name, std::uint32_t to) {
    return session_ ? session_->memory().roll_back(name, to)
                    : roll_back_stored_agent(store(), system_clock(), name, to);
}

Result<AgentInfo> LocalAgents::change(const std::string& name, const AgentChange& change) {
    return session_ ? session_->memory().change(name, change) : change_stored_agent(store(), name, change);
}

// Between two commands: every turn is durable when its command ends.
Error LocalAgents::nothing_resident(const std::string& name, const char* verb) {
    const auto known = show_stored_agent(store(), name);
    if (!known) return known.error();
    return {ErrorCode::kUnavailable,
            fmt::format("there is nothing to {0}: no server runs on this store, no agent is resident between "
                        "commands, and {1} is durable as it is. Inside 'kvasir chat {1}' use /{0}",
                        verb, name)};
}

Result<SaveResult> LocalAgents::save(const std::string& name) {
    if (!session_) return fail(nothing_resident(name, "save"));
    return session_->memory().save(name);
}

Result<LoadResult> LocalAgents::load(const std::string& name) {
    if (!session_) return fail(nothing_resident(name, "load"));
    return session_->memory().load(name);
}

Result<SaveResult> LocalAgents::evict(const std::string& name) {
    if (!session_) return fail(nothing_resident(name, "evict"));
    return session_->memory().evict(name);
}

Result<ExportReport> LocalAgents::export_agent(const std::string& name, const std::string& path) {
    KVASIR_TRY_ASSIGN(AgentMemory * memory, memory_of(name));
    KVASIR_TRY_ASSIGN(const auto run, memory->begin_export(name));
    KVASIR_TRY_ASSIGN(const auto file, NewFile::create(path));
    std::vector<std::byte> bytes;
    while (!run->done()) {
        KVASIR_TRY(run->step(bytes));
        KVASIR_TRY(file->append(bytes));
    }
    KVASIR_TRY(file->finish());
    return run->report();
}

Result<AgentMemory*> LocalAgents::memory_for(ByteSource& file) {
    if (config_.models.size() <= 1) return memory();
    KVASIR_TRY_ASSIGN(const ModelOfFile model, model_of_file(file));
    KVASIR_TRY_ASSIGN(const std::string path, model_path_for(config_, model));
    return memory_on(path);
}

Result<ImportReport> LocalAgents::import_agent(const ImportWish& wish) {
    ImportRequest request{nullptr, wish.name, wish.trust, wish.dry_run};
    KVASIR_TRY_ASSIGN(request.file, open_byte_source(wish.path));
    KVASIR_TRY_ASSIGN(AgentMemory * memory, memory_for(*request.file));
    // Without a measure it is only not known how long reading would take.
    if (wish.dry_run == DryRun::kYes && !memory->rates().known()) (void)memory->measure_rates();
    const auto run = memory->begin_import(std::move(request));
    while (!run->done()) KVASIR_TRY(run->step());
    return run->report();
}

Result<VerifyReport> LocalAgents::verify(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory * memory, memory_of(name));
    return memory->verify(name);
}

Result<TurnResult> LocalAgents::message(const std::string& name, const std::string& text,
                                        const MessageOptions& options) {
    KVASIR_TRY_ASSIGN(AgentMemory * memory, memory_of(name));
    return memory->message(name, text, options);
}

Result<RewarmReport> LocalAgents::rewarm(
    const std::function<void(const RewarmReport&, const std::string&)>& on_progress) {
    KVASIR_TRY_ASSIGN(const std::vector<ModelSpec> models, models_of(config_));
    RewarmReport report;
    for (const ModelSpec& model : models) {
        KVASIR_TRY_ASSIGN(AgentMemory * memory, memory_on(model.path));
        KVASIR_TRY(rewarm_with(*memory, report, on_progress));
    }
    return report;
}

Status LocalAgents::rewarm_with(
    AgentMemory& memory, RewarmReport& report,
    const std::function<void(const RewarmReport&, const std::string&)>& on_progress) {
    KVASIR_TRY_ASSIGN(const auto names, memory.names_by_heat());
    for (const std::string& name : names) {
        KVASIR_TRY_ASSIGN(const RewarmCandidate candidate, memory.rewarm_candidate(name));
        if (candidate.tokens_to_read == 0) continue;
        ++report.agents;
        on_progress(report, name);
        const auto loaded = memory.load(name);
        Status ended = loaded ? memory.end_rewarm(candidate) : Status(fail(loaded.error()));
        if (loaded) {
            report.tokens_read += loaded->evaluated_tokens;
            report.prefill_ms += loaded->prefill_ms;
        }
        if (ended) continue;
        ++report.failed;
        report.last_error = name + ": " + ended.error().message;
    }
    return {};
}

Result<MemoryUsage> LocalAgents::memory_usage() {
    KVASIR_TRY_ASSIGN(const AgentMemory* memory, this->memory());
    return memory->memory_usage();
}

}  // namespace kvasir
