#include "app/local_agents.h"

#include <utility>

#include <fmt/format.h>

namespace kvasir {

Result<std::unique_ptr<AgentService>> LocalAgents::open(const Config& config, OpenStore store, Need need) {
    std::unique_ptr<LocalAgents> agents(new LocalAgents(config, std::move(store)));
    if (need == Need::kModel) KVASIR_TRY(agents->memory());
    return agents;
}

Result<AgentMemory*> LocalAgents::memory() {
    if (!session_) {
        KVASIR_TRY_ASSIGN(session_, Session::open(config_, std::move(store_)));
    }
    return &session_->memory();
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

Result<VerifyReport> LocalAgents::verify(const std::string& name) {
    KVASIR_TRY_ASSIGN(AgentMemory * memory, this->memory());
    return memory->verify(name);
}

Result<TurnResult> LocalAgents::message(const std::string& name, const std::string& text,
                                        const MessageOptions& options) {
    KVASIR_TRY_ASSIGN(AgentMemory * memory, this->memory());
    return memory->message(name, text, options);
}

Result<MemoryUsage> LocalAgents::memory_usage() {
    KVASIR_TRY_ASSIGN(const AgentMemory* memory, this->memory());
    return memory->memory_usage();
}

}  // namespace kvasir
