// Tables of agents, and what was done to one, as `agents`, `ps` and the REPL print them. Stdout; warnings go
// to stderr.
#pragma once

#include <span>

#include "memory/agent_memory.h"

namespace kvasir {

void print_stored_agents(std::span<const AgentInfo> agents);
// With what they hold in memory.
void print_resident_agents(std::span<const AgentInfo> agents);
bool is_resident(const AgentInfo& agent);

// `what`: "saved", "evicted ada", ...
void print_done(const char* what, const SaveResult& saved);
void print_done(const char* what, const LoadResult& loaded);

}  // namespace kvasir
