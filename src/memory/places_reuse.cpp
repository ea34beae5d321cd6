// What rows an agent begins with: its own, or stored ones.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "memory/places.h"

namespace kvasir {

namespace {

bool contains_all(const std::vector<PlannedBlock>& planned, const std::set<BlockName>& names) {
    return std::all_of(planned.begin(), planned.end(),
                       [&](const PlannedBlock& block) { return names.contains(block.block.name); });
}

}  // namespace

// An empty sequence, whatever could not be rewound.
Status Places::reset(ResidentAgent& agent) {
    agent.forget_after(0);
    agent.windows.clear();
    if (context_.engine.length(agent.sequence) == 0 && context_.engine.append_cells(agent.sequence) == 0)
        return {};
    context_.engine.close_sequence(agent.sequence);
    auto sequence = context_.engine.open_sequence();
    if (!sequence) return fail(std::move(sequence).error());
    agent.sequence = *sequence;
    return {};
}

Status Places::reuse_own(ResidentAgent& agent, Position position) {
    if (position == agent.length()) return {};
    if (position < context_.engine.rewind_floor(agent.sequence)) {
        return fail(ErrorCode::kInvalidArgument, "the window rows there are gone");
    }
    KVASIR_TRY(context_.engine.rewind(agent.sequence, position));
    agent.forget_after(position);
    return {};
}

void Places::note_durability(ResidentAgent& agent, const RestorePlan& plan) {
    agent.durable_at.reset();
    const auto referenced = context_.store.catalog().branch_blocks(agent.record.id, *agent.branch);
    if (!referenced || plan.append.empty()) return;
    std::set<BlockName> names;
    for (const StoredBlock& block : *referenced) names.insert(block.name);
    const bool whole = plan.append.back().part == plan.append.back().block.range;
    if (whole && contains_all(plan.append, names) && contains_all(plan.window, names)) {
        agent.durable_at = plan.position;
    }
}

Status Places::import(ResidentAgent& agent, const RestorePlan& plan, std::set<BlockName>& excluded,
                      Reuse& reuse, const std::function<void(Position)>& on_progress) {
    KVASIR_TRY(reset(agent));
    auto unusable = loader_.load(agent.sequence, plan, on_progress);
    while (!unusable) {  // no cells
        KVASIR_TRY(reset(agent));
        if (evict_one(&agent, agent.record.name) == Evicted::kNobody) return fail(unusable.error());
        unusable = loader_.load(agent.sequence, plan, on_progress);
    }
    if (!*unusable && context_.engine.length(agent.sequence) == plan.position) {
        reuse.position = plan.position;
        reuse.source = ReuseSource::kDisk;
        return {};
    }
    if (*unusable) {
        excluded.insert((*unusable)->name);
        reuse.failures.push_back((*unusable)->reason);
        damaged_.insert(agent.record.name);
        tell({MemoryEventKind::kDamaged, agent.record.name, 0, 0, (*unusable)->reason});
    }
    return reset(agent);
}

Result<Reuse> Places::reuse_stored(ResidentAgent& agent, const Wanted& wanted, Position position,
                                   const std::function<void(Position)>& on_progress) {
    Reuse reuse;
    std::set<BlockName> excluded;
    while (true) {
        const auto plan =
            plan_restore(context_, {wanted.tokens, wanted.reuse_max, wanted.boundaries, &excluded});
        if (!plan) {
            // The catalog could not be read just now: KV is a cache, the tokens are at hand.
            reuse.failures.push_back(plan.error().message);
            return reuse;
        }
        reuse.stored_end = std::max(reuse.stored_end, plan->chain_end);
        if (plan->position <= position) return reuse;
        const std::size_t failures_before = reuse.failures.size();
        KVASIR_TRY(import(agent, *plan, excluded, reuse, on_progress));
        position = 0;  // the agent's own rows are gone now
        if (reuse.position > 0) {
            const auto restored = wanted.tokens.first(reuse.position);
            agent.rows.assign(restored.begin(), restored.end());
            agent.windows.assume_stored(reuse.position);
            note_durability(agent, *plan);
            return reuse;
        }
        if (reuse.failures.size() == failures_before) return reuse;
    }
}

Result<Reuse> Places::reuse(ResidentAgent& agent, const Wanted& wanted,
                            const std::function<void(Position)>& on_progress) {
    const std::int64_t begin_us = clock_.monotonic_us();
    Position own = std::min(common_prefix(agent.rows, wanted.tokens), wanted.reuse_max);
    if (own < agent.length() && own < context_.engine.rewind_floor(agent.sequence)) own = 0;
    const std::optional<AgentState> busy_before = std::exchange(agent.busy, AgentState::kRestoring);
    auto reuse = reuse_stored(agent, wanted, own, on_progress);
    agent.busy = busy_before;
    if (!reuse) return reuse;
    if (reuse->position == 0 && own > 0 && agent.length() > 0 && reuse_own(agent, own)) {
        reuse->position = own;
        reuse->source = ReuseSource::kResident;
    }
    if (reuse->position == 0) KVASIR_TRY(reset(agent));
    agent.boundaries = wanted.boundaries;
    reuse->restore_ms = static_cast<double>(clock_.monotonic_us() - begin_us) / 1000.0;
    if (reuse->source == ReuseSource::kDisk)
        tell({MemoryEventKind::kRestored, agent.record.name, reuse->position, reuse->restore_ms, {}});
    return reuse;
}

}  // namespace kvasir
