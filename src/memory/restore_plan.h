// Which stored KV a sequence can begin with: the longest stored chain of a list of tokens, and on models with
// windows or states the highest position in it at which those are stored too. Planning reads the catalog and
// changes nothing.
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
    Position position = 0;  // rows [0, position) come from disk
    // How far KV is stored; beyond `position`: without a window or a state there. Without append rows as far
    // as wanted when there is any.
    Position chain_end = 0;
    std::vector<PlannedBlock> append;      // in order, together [0, position)
    std::vector<PlannedBlock> window;      // in order, together the window of `position`
    std::optional<PlannedBlock> snapshot;  // the state at `position`

    std::size_t rows_size() const { return append.size() + window.size(); }
    std::size_t size() const { return rows_size() + (snapshot ? 1 : 0); }
    const PlannedBlock& at(std::size_t index) const;  // in the order of the import
};

struct RestoreRequest {
    std::span<const Token> tokens;
    Position position_max = 0;                      // rows beyond it are not wanted
    std::vector<Position> boundaries;               // where points may be stored, besides ends of blocks
    const std::set<BlockName>* excluded = nullptr;  // failed in this process
    std::optional<AgentId> agent;                   // whose points are looked at, too
};

Result<RestorePlan> plan_restore(const KvContext& context, const RestoreRequest& request);

}  // namespace kvasir
