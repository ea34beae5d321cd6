#include "app/agent_service.h"

#include <fmt/format.h>

#include "app/local_agents.h"
#include "app/remote_agents.h"

namespace kvasir {

Result<std::unique_ptr<AgentService>> open_agent_service(const Config& config, Need need) {
    auto opened = open_store(config);
    if (opened) return LocalAgents::open(config, std::move(*opened), need);
    if (opened.error().code != ErrorCode::kStoreInUse) return fail(std::move(opened).error());
    auto server = RemoteAgents::connect(server_socket_path(home_of(config)));
    // Who holds the store and does not serve can only be waited for: the store's own words say so.
    if (!server) return fail(std::move(opened).error());
    if (config.verbose)
        fmt::print(stderr, "kvasir: through the server on this store, with its model and its settings\n");
    return std::move(*server);
}

}  // namespace kvasir
