#include "memory/restore_plan.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "memory/window_cover.h"

namespace kvasir {

namespace {

// Fewer tokens out of a bigger block are read again sooner than the block is. Where restores end at points,
// they may be what is missing up to one.
constexpr Position kSliceTokensMin = 16;

bool usable(const RestoreRequest& request, const StoredBlock& block) {
    return request.excluded == nullptr || !request.excluded->contains(block.name);
}

// Full blocks are found by name.
Status add_full_blocks(const KvContext& context, const TokenChain& chain, const RestoreRequest& request,
                       RestorePlan& plan) {
    while (plan.chain_end < request.position_max && chain.size() - plan.chain_end >= kBlockTokens) {
        const TokenRange range{plan.chain_end, plan.chain_end + kBlockTokens};
        KVASIR_TRY_ASSIGN(auto block,
                          context.store.catalog().block(BlockKind::kAppend, chain.name_at(range.end)));
        if (!block || !usable(request, *block) || block->range != range) return {};
        plan.chain_end = std::min(range.end, request.position_max);
        plan.append.push_back({std::move(*block), {range.begin, plan.chain_end}});
    }
    return {};
}

// The block that shares most tokens after them; of equals the one that holds least beyond, then the newest.
Status add_best_child(const KvContext& context, const TokenChain& chain, const RestoreRequest& request,
                      RestorePlan& plan) {
    const Position begin = plan.chain_end;
    if (begin >= request.position_max || begin % kBlockTokens != 0) return {};
    KVASIR_TRY_ASSIGN(auto children,
                      context.store.catalog().children(chain.parent_of(begin), context.root.fingerprint));
    const Position slice_min = context.keeps_points() ? 1 : kSliceTokensMin;
    const auto wanted = chain.tokens({begin, request.position_max});
    const StoredBlock* best = nullptr;
    Position best_shared = 0;
    for (const StoredBlock& child : children) {
        if (!usable(request, child) || child.range.begin != begin) continue;
        const Position shared = common_prefix(child.tokens, wanted);
        if (shared < std::min<std::size_t>(slice_min, child.tokens.size())) continue;
        const bool better = shared > best_shared || (best != nullptr && shared == best_shared &&
                                                     child.tokens.size() < best->tokens.size());
        if (!better) continue;
        best = &child;
        best_shared = shared;
    }
    if (best == nullptr) return {};
    plan.chain_end = begin + best_shared;
    plan.append.push_back({*best, {begin, plan.chain_end}});
    return {};
}

// Positions at which a restore may end, highest first.
Result<std::vector<Position>> candidates(const KvContext& context, const RestoreRequest& request,
                                         const RestorePlan& plan) {
    std::vector<Position> positions = request.boundaries;
    positions.push_back(plan.chain_end);
    if (request.agent) {
        KVASIR_TRY_ASSIGN(const auto known, context.store.catalog().restore_positions(
                                                *request.agent, context.root.fingerprint, plan.chain_end));
        positions.insert(positions.end(), known.begin(), known.end());
    }
    for (const PlannedBlock& planned : plan.append) positions.push_back(planned.block.range.end);
    std::erase_if(positions, [&](Position position) { return position == 0 || position > plan.chain_end; });
    std::sort(positions.begin(), positions.end(), std::greater<>());
    positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
    return positions;
}

Result<std::optional<std::vector<PlannedBlock>>> window_at(const KvContext& context, const TokenChain& chain,
                                                           const RestoreRequest& request, Position position) {
    const TokenRange window = context.layout().window_range(position);
    const SegmentsEndingAt segments = [&](const BlockName& name) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY_ASSIGN(auto found, context.store.catalog().windows_ending_at(name));
        std::erase_if(found, [&](const StoredBlock& segment) { return !usable(request, segment); });
        return found;
    };
    KVASIR_TRY_ASSIGN(auto cover, find_window_cover(chain, window, segments));
    if (!cover) return std::optional<std::vector<PlannedBlock>>();
    std::vector<PlannedBlock> planned;
    for (StoredBlock& segment : *cover) {
        const TokenRange part{std::max(segment.range.begin, window.begin), segment.range.end};
        planned.push_back({std::move(segment), part});
    }
    return std::optional<std::vector<PlannedBlock>>(std::move(planned));
}

Result<std::optional<PlannedBlock>> snapshot_at(const KvContext& context, const TokenChain& chain,
                                                const RestoreRequest& request, Position position) {
    const BlockName name = snapshot_name(chain.name_at(position));
    KVASIR_TRY_ASSIGN(auto block, context.store.catalog().block(BlockKind::kSnapshot, name));
    if (!block || !usable(request, *block) || block->range.end != position)
        return std::optional<PlannedBlock>();
    const TokenRange range = block->range;
    return std::optional<PlannedBlock>(PlannedBlock{std::move(*block), range});
}

// Adds what a restore at `position` needs besides append rows; false: something of it is not stored.
Result<bool> add_point(const KvContext& context, const TokenChain& chain, const RestoreRequest& request,
                       Position position, RestorePlan& plan) {
    if (context.layout().has_snapshot()) {
        KVASIR_TRY_ASSIGN(plan.snapshot, snapshot_at(context, chain, request, position));
        if (!plan.snapshot) return false;
    }
    if (!context.layout().has_window()) return true;
    KVASIR_TRY_ASSIGN(auto window, window_at(context, chain, request, position));
    if (window) plan.window = std::move(*window);
    return window.has_value();
}

void cut_append(RestorePlan& plan, Position position) {
    std::erase_if(plan.append, [&](const PlannedBlock& planned) { return planned.part.begin >= position; });
    if (!plan.append.empty()) plan.append.back().part.end = std::min(plan.append.back().part.end, position);
    plan.position = position;
}

}  // namespace

const PlannedBlock& RestorePlan::at(std::size_t index) const {
    if (index < append.size()) return append[index];
    return index < rows_size() ? window[index - append.size()] : *snapshot;
}

Result<RestorePlan> plan_restore(const KvContext& context, const RestoreRequest& request) {
    RestorePlan plan;
    const TokenChain chain(context.root, request.tokens);
    if (context.layout().has_rows()) {
        KVASIR_TRY(add_full_blocks(context, chain, request, plan));
        KVASIR_TRY(add_best_child(context, chain, request, plan));
    } else {
        plan.chain_end = request.position_max;
    }
    if (!context.keeps_points()) {
        plan.position = plan.chain_end;
        return plan;
    }
    KVASIR_TRY_ASSIGN(const auto positions, candidates(context, request, plan));
    for (const Position position : positions) {
        KVASIR_TRY_ASSIGN(const bool found, add_point(context, chain, request, position, plan));
        if (!found) continue;
        cut_append(plan, position);
        return plan;
    }
    cut_append(plan, 0);
    plan.snapshot.reset();
    plan.window.clear();
    if (!context.layout().has_rows()) plan.chain_end = 0;
    return plan;
}

}  // namespace kvasir
