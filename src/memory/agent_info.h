// Listings of agents from what the catalog knows. Engine thread, or any command's only thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "memory/agent_memory.h"
#include "store/store.h"

namespace kvasir {

// How many tokens, from the first, the append blocks among `blocks` hold without a gap; where there are none,
// the longest snapshot.
Position stored_tokens(std::span<const StoredBlock> blocks);

// As it is on disk; state is kStored or kEmpty.
Result<AgentInfo> describe_stored(Catalog& catalog, const AgentRecord& agent);

// The same of its files.
Result<AgentCache> stored_cache(Catalog& catalog, const AgentRecord& agent);
Result<std::optional<ResponseTurn>> stored_response_turn(Catalog& catalog, const std::string& id);

inline constexpr const char* kWhenFullOption = "when_full";
WhenFull when_full_of(std::string_view option);  // what is not known refuses

}  // namespace kvasir
