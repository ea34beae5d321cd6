// Agents of a store that a running server holds, over the unix socket that lies in the store. Owned by a
// command, used by its thread; one connection for each call.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "app/agent_service.h"
#include "http/unix_client.h"

namespace kvasir {

class RemoteAgents final : public AgentService {
  public:
    // kNotFound, kUnavailable: no server of ours answers there.
    static Result<std::unique_ptr<AgentService>> connect(const std::string& socket_path);

    AgentHost host() const override { return AgentHost::kServer; }
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
    explicit RemoteAgents(std::string socket_path) : socket_path_(std::move(socket_path)) {}
    Result<boost::json::value> ask(const ClientRequest& request) const;
    Result<boost::json::value> ask_agent(const std::string& name, const char* method, const char* what,
                                         std::uint32_t silence_ms_max,
                                         const boost::json::object& body = {}) const;
    Status ask_for_bytes(const ClientRequest& request) const;  // which go to its on_bytes
    void note_durability(const std::string& name, const std::atomic<bool>* cancelled, TurnResult& turn);

    std::string socket_path_;
};

// Where the server of a store listens for commands of the same user.
std::string server_socket_path(const std::string& home);

}  // namespace kvasir
