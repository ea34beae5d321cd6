// What a server of ours answers, read back into the values that it was made of (server/memory_json.h), and
// its errors into ours. Pure functions. kUnavailable: it is not what this program's own server says.
#pragma once

#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "memory/agent_memory.h"

namespace kvasir {

Result<std::vector<AgentInfo>> agents_of_json(const boost::json::value& answer);
Result<AgentInfo> agent_of_json(const boost::json::value& answer);
Result<CreateResult> created_of_json(const boost::json::value& answer);
Result<EraseReceipt> receipt_of_json(const boost::json::value& answer);
Result<ForkResult> forked_of_json(const boost::json::value& answer);
Result<RollbackResult> rolled_back_of_json(const boost::json::value& answer);
Result<SaveResult> saved_of_json(const boost::json::value& answer);
Result<LoadResult> loaded_of_json(const boost::json::value& answer);
Result<VerifyReport> verified_of_json(const boost::json::value& answer);
Result<ImportReport> imported_of_json(const boost::json::value& answer);
struct RemoteRewarm {
    bool running = false;
    std::string current;
    RewarmReport report;
};
Result<RemoteRewarm> rewarm_of_json(const boost::json::value& answer);
Result<MemoryUsage> memory_of_json(const boost::json::value& answer);
struct RemoteProgress {
    TurnPhase phase = TurnPhase::kPrefill;
    Position done = 0;
    Position total = 0;
};
Result<RemoteProgress> progress_of_json(const boost::json::value& event);
// The last event of POST /agents/{name}/messages. Whether its KV is durable is not told there.
Result<TurnResult> turn_of_json(const boost::json::value& answer);

}  // namespace kvasir
