// Which KV files go when the disk asks for room: the decisions alone, over values. Pure functions.
//
// First what no agent needs, least valuable first; then the KV of the agents that were silent longest, from
// its end. A block goes only after all that stand on it, and never while it is held (somebody reads it, or is
// about to refer to it) or an agent that needs it is pinned.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "store/block.h"

namespace kvasir {

enum class BlockNeed { kNobody, kAgents, kPinnedAgent };

// A stored block as the plan sees it.
struct CollectionEntry {
    BlockKind kind = BlockKind::kAppend;
    BlockName name;
    std::optional<BlockName> parent;
    TokenRange range;
    std::uint64_t bytes = 0;
    std::uint64_t hits = 0;              // restores that used it
    std::int64_t last_used_unix_ms = 0;  // or made
    BlockNeed need = BlockNeed::kNobody;
    std::int64_t agent_used_unix_ms = 0;  // kAgents: when the one that spoke last of them did
};

enum class CollectionDepth { kUnneeded, kColdAgents };

struct CollectionGoal {
    std::uint64_t bytes = 0;
    CollectionDepth depth = CollectionDepth::kColdAgents;
    std::int64_t now_unix_ms = 0;
    // Agents that were used since then keep their KV: nobody's room is made by somebody colder.
    std::int64_t colder_than_unix_ms = INT64_MAX;
};

struct Victim {
    BlockKind kind = BlockKind::kAppend;
    BlockName name;
    std::uint64_t bytes = 0;
    BlockNeed need = BlockNeed::kNobody;  // when it was chosen
    std::int64_t agent_used_unix_ms = 0;
};

using IsHeld = std::function<bool(const BlockName&)>;

// In the order in which they go; together at least goal.bytes, or all that may go.
std::vector<Victim> plan_collection(const std::vector<CollectionEntry>& entries, const IsHeld& is_held,
                                    const CollectionGoal& goal);

// What is known of a victim right before it goes: the world went on since it was chosen.
struct VictimFacts {
    bool is_stored = false;
    bool has_children = false;
    bool is_held = false;
    BlockNeed need = BlockNeed::kNobody;
    std::int64_t agent_used_unix_ms = 0;
};
bool may_go(const Victim& victim, const VictimFacts& facts);

// What it would cost to have it again, for its size and age; more is worth more.
double collection_value(const CollectionEntry& entry, std::int64_t now_unix_ms);

}  // namespace kvasir
