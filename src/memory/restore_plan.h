// Which stored rows a sequence can begin with: the longest stored chain of a list of tokens, and on windowed
// models the highest position in it whose window is stored too. Planning reads the catalog and changes
// nothing.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "memory/kv_context.h"
#include "memory/token_chain.h"

namespace kvasir {

// Rows `part` of a stored block. A block that knows more tokens than wanted is cut.
struct PlannedBlock {
    StoredBlock block;
    TokenRange part;
};

struct RestorePlan {
    Position position = 0;             // rows [0, position) come from disk
    Position chain_end = 0;            // how far append rows are stored; beyond `position`: no window there
    std::vector<PlannedBlock> append;  // in order, together [0, position)
    std::vector<PlannedBlock> window;  // in order, together the window of `position`
};

struct RestoreRequest {
    std::span<const Token> tokens;
    Position position_max = 0;                      // rows beyond it are not wanted
    std::vector<Position> boundaries;               // where windows may be stored, besides ends of blocks
    const std::set<BlockName>* excluded = nullptr;  // failed in this process
};

Result<RestorePlan> plan_restore(const KvContext& context, const RestoreRequest& request);

}  // namespace kvasir
