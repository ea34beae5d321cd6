// GET /metrics: the Prometheus text format. A pure function of snapshots; any thread. Labels name the model,
// never an agent.
#pragma once

#include <string>

#include "memory/agent_memory.h"
#include "server/server_context.h"

namespace kvasir {

// Engine thread.
std::string metrics_text(const ServerContext& context, const MemoryUsage& usage);
std::string store_metrics_text(Store& store);  // engine thread; without labels: a store is no model's

}  // namespace kvasir
