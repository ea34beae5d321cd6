// What the commands do with agents, wherever these are: in this process, or in the server that holds the
// store. Made and owned by one command, used by its thread; every call blocks until it is done.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "memory/agent_memory.h"

namespace kvasir {

enum class AgentHost { kThisProcess, kServer };

struct ImportWish {
    std::string path;
    std::string name;  // "": as in the file
    TrustKv trust = TrustKv::kNo;
    DryRun dry_run = DryRun::kNo;
};

class AgentService {
  public:
    virtual ~AgentService() = default;
    virtual AgentHost host() const = 0;

    virtual Result<std::vector<AgentInfo>> list() = 0;
    virtual Result<AgentInfo> show(const std::string& name) = 0;
    virtual Result<CreateResult> create(const std::string& name, const std::string& type,
                                        const std::string& system_prompt) = 0;
    virtual Result<EraseReceipt> remove(const std::string& name) = 0;
    virtual Result<ForkResult> fork(const std::string& name, const std::string& new_name,
                                    std::optional<std::uint32_t> at) = 0;
    virtual Result<RollbackResult> roll_back(const std::string& name, std::uint32_t to) = 0;
    virtual Result<AgentInfo> change(const std::string& name, const AgentChange& change) = 0;
    // Of resident agents. In a process that has loaded no model none is: kUnavailable.
    virtual Result<SaveResult> save(const std::string& name) = 0;
    virtual Result<LoadResult> load(const std::string& name) = 0;
    virtual Result<SaveResult> evict(const std::string& name) = 0;
    // The progress, the text as it comes and the flag of `options` work in both. Through a server, what was
    // said until the flag was set is kept there, and the result is kCancelled.
    virtual Result<TurnResult> message(const std::string& name, const std::string& text,
                                       const MessageOptions& options) = 0;
    // To a new file; from one. Both paths are as this process has them.
    virtual Result<ExportReport> export_agent(const std::string& name, const std::string& path) = 0;
    virtual Result<ImportReport> import_agent(const ImportWish& wish) = 0;
    virtual Result<VerifyReport> verify(const std::string& name) = 0;
    // Agents whose KV is of no use any more, the last used first. Told as it goes on, with the agent's name.
    virtual Result<RewarmReport> rewarm(
        const std::function<void(const RewarmReport&, const std::string&)>& on_progress) = 0;
    virtual Result<MemoryUsage> memory_usage() = 0;
};

// kModel: the command will need one, so it is loaded (and refused) at once.
enum class Need { kStore, kModel };

// The store itself; or, when another process holds it and serves, that server.
Result<std::unique_ptr<AgentService>> open_agent_service(const Config& config, Need need);

}  // namespace kvasir
