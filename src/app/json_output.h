// What `--json` prints: one JSON object or array per command, on stdout. Pure functions.
#pragma once

#include <boost/json/value.hpp>

#include "app/exit_code.h"
#include "memory/agent_memory.h"

namespace kvasir {

boost::json::value to_json(const AgentInfo& agent);
boost::json::value to_json(const TurnMetrics& metrics);
boost::json::value to_json(const TurnResult& turn);
boost::json::value to_json(const CreateResult& created);
boost::json::value to_json(const EraseReceipt& receipt);
boost::json::value to_json(const MemoryUsage& usage);
boost::json::value to_json(const DiskUsage& usage);

void print_json(const boost::json::value& value);

}  // namespace kvasir
