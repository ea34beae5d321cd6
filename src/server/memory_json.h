// What memory tells about itself, as JSON: the same on the command line (--json) and over HTTP. Pure
// functions.
#pragma once

#include <boost/json/value.hpp>

#include "memory/agent_memory.h"

namespace kvasir {

boost::json::value to_json(const AgentInfo& agent);
boost::json::value to_json(const TurnMetrics& metrics);
boost::json::value to_json(const TurnResult& turn);
boost::json::value to_json(const CreateResult& created);
boost::json::value to_json(const EraseReceipt& receipt);
boost::json::value to_json(const ForkResult& forked);
boost::json::value to_json(const RollbackResult& back);
boost::json::value to_json(const ExportReport& report);
boost::json::value to_json(const ImportReport& report);
boost::json::value to_json(const RewarmReport& report);
boost::json::value to_json(const MemoryUsage& usage);
boost::json::value to_json(const DiskUsage& usage);
boost::json::value to_json(const AgentCache& cache);
boost::json::value to_json(const SaveResult& saved);
boost::json::value to_json(const LoadResult& loaded);
boost::json::value to_json(const VerifyReport& report);
boost::json::value to_json(const MatchReport& report);
boost::json::value to_json(const TurnRecord& turn);

}  // namespace kvasir
