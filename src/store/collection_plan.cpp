#include "store/collection_plan.h"

#include <algorithm>
#include <map>
#include <queue>
#include <tuple>

namespace kvasir {

namespace {

// A row costs its evaluation, which attends to all rows before it: twice as much at this position.
constexpr double kPositionOfDoubleCost = 8192;
constexpr double kMsPerHour = 3'600'000;

// Tokens that would be read again. Without a window or state there is no way to go on from a position, so all
// tokens before it would be.
double cost_tokens(const CollectionEntry& entry) {
    const double begin = entry.kind == BlockKind::kAppend ? entry.range.begin : 0;
    const double end = entry.range.end;
    const double middle = (begin + end) / 2;
    return (end - begin) * (1 + middle / kPositionOfDoubleCost);
}

// Lower goes first.
struct Rank {
    int tier = 0;
    std::int64_t agent_used_unix_ms = 0;
    double value = 0;
    std::int64_t from_end = 0;
    int append_last = 0;
    BlockName name;
    std::size_t index = 0;

    auto key() const { return std::tie(tier, agent_used_unix_ms, value, from_end, append_last, name); }
    bool operator>(const Rank& other) const { return key() > other.key(); }
};

Rank rank_of(const CollectionEntry& entry, std::size_t index, std::int64_t now_unix_ms) {
    Rank rank;
    rank.index = index;
    rank.name = entry.name;
    rank.append_last = entry.kind == BlockKind::kAppend ? 1 : 0;
    if (entry.need == BlockNeed::kNobody) {
        rank.value = collection_value(entry, now_unix_ms);
        return rank;
    }
    rank.tier = 1;
    rank.agent_used_unix_ms = entry.agent_used_unix_ms;
    rank.from_end = -std::int64_t{entry.range.end};
    return rank;
}

class Planner {
  public:
    Planner(const std::vector<CollectionEntry>& entries, const IsHeld& is_held, const CollectionGoal& goal)
        : entries_(entries), is_held_(is_held), goal_(goal), children_(entries.size(), 0) {
        for (std::size_t i = 0; i < entries_.size(); ++i) by_name_[entries_[i].name] = i;
        for (const CollectionEntry& entry : entries_) {
            if (const auto parent = parent_of(entry)) ++children_[*parent];
        }
    }

    std::vector<Victim> plan() {
        for (std::size_t i = 0; i < entries_.size(); ++i) consider(i);
        std::vector<Victim> victims;
        for (std::uint64_t bytes = 0; bytes < goal_.bytes && !queue_.empty();) {
            const std::size_t index = queue_.top().index;
            queue_.pop();
            const CollectionEntry& entry = entries_[index];
            victims.push_back({entry.kind, entry.name, entry.bytes, entry.need, entry.agent_used_unix_ms});
            bytes += entry.bytes;
            const auto parent = parent_of(entry);
            if (parent && --children_[*parent] == 0) consider(*parent);
        }
        return victims;
    }

  private:
    std::optional<std::size_t> parent_of(const CollectionEntry& entry) const {
        if (!entry.parent) return std::nullopt;
        const auto found = by_name_.find(*entry.parent);
        return found == by_name_.end() ? std::nullopt : std::optional(found->second);
    }
    bool may_be_chosen(const CollectionEntry& entry) const {
        if (entry.need == BlockNeed::kPinnedAgent || is_held_(entry.name)) return false;
        if (entry.need == BlockNeed::kNobody) return true;
        return goal_.depth == CollectionDepth::kColdAgents &&
               entry.agent_used_unix_ms < goal_.colder_than_unix_ms;
    }
    void consider(std::size_t index) {
        if (children_[index] > 0 || !may_be_chosen(entries_[index])) return;
        queue_.push(rank_of(entries_[index], index, goal_.now_unix_ms));
    }

    const std::vector<CollectionEntry>& entries_;
    const IsHeld& is_held_;
    const CollectionGoal& goal_;
    std::map<BlockName, std::size_t> by_name_;
    std::vector<std::uint32_t> children_;
    std::priority_queue<Rank, std::vector<Rank>, std::greater<>> queue_;
};

}  // namespace

double collection_value(const CollectionEntry& entry, std::int64_t now_unix_ms) {
    const double age_hours =
        static_cast<double>(std::max<std::int64_t>(0, now_unix_ms - entry.last_used_unix_ms)) / kMsPerHour;
    const double uses = 1.0 + static_cast<double>(entry.hits);
    const double bytes = static_cast<double>(std::max<std::uint64_t>(1, entry.bytes));
    return cost_tokens(entry) * uses / bytes / (1.0 + age_hours);
}

std::vector<Victim> plan_collection(const std::vector<CollectionEntry>& entries, const IsHeld& is_held,
                                    const CollectionGoal& goal) {
    return Planner(entries, is_held, goal).plan();
}

bool may_go(const Victim& victim, const VictimFacts& facts) {
    if (!facts.is_stored || facts.has_children || facts.is_held) return false;
    switch (facts.need) {
        case BlockNeed::kNobody:
            return true;
        case BlockNeed::kAgents:  // not one that has spoken, or come to need it, since
            return victim.need == BlockNeed::kAgents && facts.agent_used_unix_ms <= victim.agent_used_unix_ms;
        case BlockNeed::kPinnedAgent:
            return false;
    }
    return false;
}

}  // namespace kvasir
