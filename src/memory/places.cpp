#include "memory/places.h"

#include <algorithm>
#include <utility>

namespace kvasir {

Places::~Places() {
    for (const ResidentAgent& agent : residency_.agents()) context_.engine.close_sequence(agent.sequence);
}

SaveResult Places::save(ResidentAgent& agent) {
    SaveResult result = saver_.save(agent);
    if (result.durability == Durability::kTokensAndKv) damaged_.erase(agent.record.name);
    return result;
}

void Places::drop(const std::string& name) {
    const std::string copy = name;  // it may be a part of what is removed
    const ResidentAgent* agent = residency_.find(copy);
    if (agent == nullptr) return;
    context_.engine.close_sequence(agent->sequence);
    residency_.remove(copy);
}

SaveResult Places::evict(const std::string& name) {
    ResidentAgent* agent = residency_.find(name);
    SaveResult result = agent == nullptr ? SaveResult{} : save(*agent);
    drop(name);
    return result;
}

Places::Evicted Places::evict_one(const std::string& kept) {
    const ResidentAgent* leaving = residency_.least_recent(kept);
    if (leaving == nullptr) return Evicted::kNobody;
    SaveResult saved = evict(leaving->record.name);
    if (!saved.warning.empty()) warnings_.push_back(std::move(saved.warning));
    return Evicted::kOne;
}

std::vector<std::string> Places::take_warnings() { return std::exchange(warnings_, {}); }

Result<ResidentAgent*> Places::take(const AgentRecord& record) {
    if (ResidentAgent* resident = residency_.find(record.name); resident != nullptr) {
        resident->record = record;
        residency_.touch(record.name);
        return resident;
    }
    while (residency_.size() >= agents_max_) {
        if (evict_one(record.name) == Evicted::kNobody) break;
    }
    auto sequence = context_.engine.open_sequence();
    while (!sequence && sequence.error().code == ErrorCode::kUnavailable) {
        if (evict_one(record.name) == Evicted::kNobody) break;
        sequence = context_.engine.open_sequence();
    }
    if (!sequence) return fail(std::move(sequence).error());
    ResidentAgent agent;
    agent.record = record;
    agent.sequence = *sequence;
    return &residency_.add(std::move(agent));
}

DecodeFunction Places::decode_for(const ResidentAgent& agent) {
    return [this, name = agent.record.name](std::span<const BatchRow> rows) -> Status {
        Status status = context_.engine.decode(rows);
        while (!status && status.error().code == ErrorCode::kOutOfMemory) {
            if (evict_one(name) == Evicted::kNobody) break;
            status = context_.engine.decode(rows);
        }
        return status;
    };
}

void Places::roll_back(ResidentAgent& agent, std::span<const Token> committed) {
    const Position shared = common_prefix(agent.rows, committed);
    agent.busy.reset();
    if (shared > 0 && reuse_own(agent, shared)) return;
    drop(agent.record.name);
}

}  // namespace kvasir
