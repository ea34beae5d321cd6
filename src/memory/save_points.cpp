// Which restore points a save keeps, and what they need: SaveRun's part.
#include <algorithm>
#include <set>
#include <utility>

#include "memory/prefill.h"
#include "memory/restore_points.h"
#include "memory/save_run.h"
#include "memory/window_cover.h"

namespace kvasir {

// Others that the agent has are stored by now, by a save whose place was taken.
Result<std::vector<SaveRun::Pending>> SaveRun::missing_segments() const {
    std::vector<Pending> missing;
    for (const WindowSegment& segment : std::vector(agent_->windows.segments())) {
        const BlockName end_name = chain_->name_at(segment.range.end);
        const BlockName name = window_name(end_name, segment.range.begin);
        KVASIR_TRY_ASSIGN(const auto stored, context_.store.catalog().block(BlockKind::kWindow, name));
        if (stored) {
            agent_->windows.drop(segment.image);
        } else {
            missing.push_back({{BlockKind::kWindow, name, end_name, segment.range}, segment.image});
        }
    }
    return missing;
}

Result<bool> SaveRun::add_window(Point& point, const std::vector<Pending>& missing) const {
    const SegmentsEndingAt segments = [&](const BlockName& end_name) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY_ASSIGN(auto found, context_.store.catalog().windows_ending_at(end_name));
        for (const Pending& pending : missing) {
            if (pending.identity.kind != BlockKind::kWindow || pending.identity.parent != end_name) continue;
            StoredBlock block;
            block.kind = BlockKind::kWindow;
            block.name = pending.identity.name;
            block.range = pending.identity.range;
            found.push_back(std::move(block));
        }
        return found;
    };
    KVASIR_TRY_ASSIGN(const auto cover,
                      find_window_cover(*chain_, context_.layout().window_range(point.position), segments));
    if (!cover) return false;
    for (const StoredBlock& segment : *cover) point.files.push_back(segment.name);
    return true;
}

Result<bool> SaveRun::add_snapshot(Point& point, std::vector<Pending>& missing) const {
    const CapturedSnapshot* captured = agent_->snapshots.find(point.position);
    const BlockIdentity identity = snapshot_identity(chain_->name_at(point.position), point.position,
                                                     captured == nullptr ? 0 : captured->state->size());
    point.files.push_back(identity.name);
    KVASIR_TRY_ASSIGN(const auto stored, context_.store.catalog().block(BlockKind::kSnapshot, identity.name));
    if (stored) {
        agent_->snapshots.drop(point.position);
        return true;
    }
    if (captured != nullptr) missing.push_back({identity, captured->state});
    return captured != nullptr;
}

// This prompt's, the end, and those that the agent has had.
Result<std::vector<Position>> SaveRun::possible_points() const {
    KVASIR_TRY_ASSIGN(std::vector<Position> points,
                      context_.store.catalog().restore_positions(agent_->record.id, context_.root.fingerprint,
                                                                 agent_->length()));
    points.insert(points.end(), agent_->boundaries.begin(), agent_->boundaries.end());
    points.push_back(agent_->length());
    std::erase_if(points, [&](Position point) { return point == 0 || point > agent_->length(); });
    std::sort(points.begin(), points.end());
    points.erase(std::unique(points.begin(), points.end()), points.end());
    return points;
}

std::uint64_t SaveRun::state_bytes() const {
    return std::max(context_.layout().snapshot_bytes(), agent_->snapshots.bytes_seen());
}

// What the window of the end is to be covered with may be gone: it was another agent's, or damaged. The
// engine still has rows and state.
Status SaveRun::plan_points() {
    const Status chosen = choose_points();
    if (chosen || chosen.error().code != ErrorCode::kDamaged) return chosen;
    agent_->windows.clear();
    capture_boundary(context_.engine, *agent_);
    return choose_points();
}

Status SaveRun::choose_points() {
    KVASIR_TRY_ASSIGN(const std::vector<Position> possible, possible_points());
    agent_->windows.keep_only(context_.layout(), possible);
    KVASIR_TRY_ASSIGN(std::vector<Pending> missing, missing_segments());
    std::vector<Point> points;
    std::vector<Position> positions;
    for (const Position position : possible) {
        Point point{position, {}};
        bool found = true;
        if (context_.layout().has_window()) {
            KVASIR_TRY_ASSIGN(found, add_window(point, missing));
        }
        if (found && context_.layout().has_snapshot()) {
            KVASIR_TRY_ASSIGN(found, add_snapshot(point, missing));
        }
        if (!found) continue;
        positions.push_back(position);
        points.push_back(std::move(point));
    }
    if (positions.empty() || positions.back() != agent_->length())
        return fail(ErrorCode::kDamaged, "what a restore at the end of the conversation needs is missing");
    const auto kept = thin_out(positions, points_max(context_.layout(), state_bytes()));
    std::set<BlockName> referenced;
    for (const Point& point : points) {
        if (std::binary_search(kept.begin(), kept.end(), point.position))
            referenced.insert(point.files.begin(), point.files.end());
    }
    for (const Pending& pending : missing) {
        if (referenced.contains(pending.identity.name)) plan_.pending.push_back(pending);
    }
    plan_.references.insert(plan_.references.end(), referenced.begin(), referenced.end());
    return {};
}

}  // namespace kvasir
