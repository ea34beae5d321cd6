// Agents of a store that this process holds. Looking and deleting need no model; it is loaded when the first
// call needs it: of several the one that the agent belongs to. Owned by a command, used by its thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/agent_service.h"
#include "app/session.h"

namespace kvasir {

class LocalAgents final : public AgentService {
  public:
    static Result<std::unique_ptr<AgentService>> open(const Config& config, OpenStore store, Need need);

    AgentHost host() const override { return AgentHost::kThisProcess; }
    Result<std::vector<AgentInfo>> list() override;
    Result<AgentInfo> show(const std::string& name) override;
    Result<CreateResult> create(const std::string& name, const std::string& type,
                                const std::string& system_prompt) override;
    Result<EraseReceipt> remove(const std::string& name) override;
    Result<ForkResult> fork(const std::string& name, const std::string& new_name,
                            std::optional<std::uint32_t> at) override;
    Result<RollbackResult> roll_back(const std::string& name, std::uint32_t to) override;
    Result<AgentInfo> change(const std::string& name, const AgentChange& change) override;
    Result<SaveResult> save(const std::string& name) override;
    Result<LoadResult> load(const std::string& name) override;
    Result<SaveResult> evict(const std::string& name) override;
    Result<TurnResult> message(const std::string& name, const std::string& text,
                               const MessageOptions& options) override;
    Result<ExportReport> export_agent(const std::string& name, const std::string& path) override;
    Result<ImportReport> import_agent(const ImportWish& wish) override;
    Result<VerifyReport> verify(const std::string& name) override;
    Result<RewarmReport> rewarm(
        const std::function<void(const RewarmReport&, const std::string&)>& on_progress) override;
    Result<MemoryUsage> memory_usage() override;

  private:
    LocalAgents(const Config& config, OpenStore store) : config_(config), store_(std::move(store)) {}
    Result<AgentMemory*> memory();  // with whatever model is loaded, else the first
    // With the model that the agent, or the file, belongs to.
    Result<AgentMemory*> memory_of(const std::string& agent);
    Result<AgentMemory*> memory_for(ByteSource& file);
    Result<AgentMemory*> memory_on(const std::string& model_path);
    static Status rewarm_with(
        AgentMemory& memory, RewarmReport& report,
        const std::function<void(const RewarmReport&, const std::string&)>& on_progress);
    Store& store() { return session_ ? session_->store() : *store_.store; }
    Error nothing_resident(const std::string& name, const char* verb);

    const Config& config_;
    OpenStore store_;                   // until the model is loaded: then the session's
    std::unique_ptr<Session> session_;  // null: no model yet
    std::string model_path_;            // its model's
};

}  // namespace kvasir
