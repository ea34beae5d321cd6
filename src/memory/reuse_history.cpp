#include "memory/reuse_history.h"

#include <algorithm>
#include <utility>

namespace kvasir {

void ReuseHistory::add(const std::string& agent, TurnReuse turn) {
    if (entries_.size() >= kTurnsMax) entries_.pop_front();
    entries_.push_back({agent, std::move(turn)});
}

std::vector<TurnReuse> ReuseHistory::of(const std::string& agent) const {
    std::vector<TurnReuse> turns;
    for (auto entry = entries_.rbegin(); entry != entries_.rend() && turns.size() < kTurnsOfAgentMax;
         ++entry) {
        if (entry->agent == agent) turns.push_back(entry->turn);
    }
    std::reverse(turns.begin(), turns.end());
    return turns;
}

void ReuseHistory::rename(const std::string& agent, const std::string& name) {
    for (Entry& entry : entries_) {
        if (entry.agent == agent) entry.agent = name;
    }
}

void ReuseHistory::forget(const std::string& agent) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.agent == agent; });
}

}  // namespace kvasir
