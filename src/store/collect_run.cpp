#include "store/collect_run.h"

#include <algorithm>

#include "store/paths.h"
#include "store/quarantine.h"

namespace kvasir {

namespace {

constexpr std::size_t kRowsOfOneStep = 16;  // a transaction, and then as many files to remove
constexpr std::int64_t kChosenForMs = 10'000;

}  // namespace

Status CollectRun::list_quarantine() {
    listed_ = true;
    KVASIR_TRY_ASSIGN(std::vector<FileInfo> found,
                      kvasir::list_quarantine(context_.file_system, context_.root));
    std::sort(found.begin(), found.end(),
              [](const FileInfo& one, const FileInfo& other) { return one.modified_ms < other.modified_ms; });
    quarantined_.assign(found.begin(), found.end());
    return {};
}

Status CollectRun::empty_quarantine() {
    if (!listed_) return list_quarantine();
    if (quarantined_.empty() || has_enough()) {
        stage_ = has_enough() ? Stage::kDone : Stage::kChoose;
        return {};
    }
    const FileInfo file = quarantined_.front();
    quarantined_.pop_front();
    const Status removed = context_.file_system.remove(quarantine_path(context_.root) + "/" + file.name);
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
    result_.bytes_freed += file.size_bytes;
    if (!is_reason(file)) ++result_.quarantined_removed;
    return context_.file_system.sync_directory(quarantine_path(context_.root));
}

Status CollectRun::choose() {
    const std::int64_t now_ms = context_.clock.unix_ms();
    VictimQueue& queue = context_.queue;
    const bool fresh = now_ms - queue.chosen_unix_ms < kChosenForMs && !queue.victims.empty();
    if (!fresh || request_.depth == CollectionDepth::kUnneeded || chosen_) {
        KVASIR_TRY_ASSIGN(const auto entries, context_.catalog.collection_entries());
        CollectionGoal goal;
        goal.bytes = std::max(request_.bytes - result_.bytes_freed, context_.chosen_bytes_min);
        goal.depth = request_.depth;
        goal.now_unix_ms = now_ms;
        goal.colder_than_unix_ms = request_.colder_than_unix_ms;
        const auto victims = plan_collection(
            entries, [&](const BlockName& name) { return context_.holds.contains(name); }, goal);
        queue.victims.assign(victims.begin(), victims.end());
        queue.chosen_unix_ms = now_ms;
        chosen_ = true;
    }
    stage_ = Stage::kRows;
    return {};
}

std::vector<Victim> CollectRun::next_victims() {
    std::vector<Victim> victims;
    std::uint64_t bytes = result_.bytes_freed;
    auto& queue = context_.queue.victims;
    while (!queue.empty() && victims.size() < kRowsOfOneStep && bytes < request_.bytes) {
        const Victim& next = queue.front();
        // Chosen for somebody else, who was used later than whom this is for.
        const bool too_warm =
            next.need == BlockNeed::kAgents && (next.agent_used_unix_ms >= request_.colder_than_unix_ms ||
                                                request_.depth == CollectionDepth::kUnneeded);
        if (too_warm) break;
        bytes += next.bytes;
        victims.push_back(next);
        queue.pop_front();
    }
    return victims;
}

Status CollectRun::drop_rows() {
    const std::vector<Victim> victims = next_victims();
    if (victims.empty()) {
        // What was chosen before may be used up; once more, of all that is there now.
        stage_ = has_enough() || chosen_ ? Stage::kDone : Stage::kChoose;
        context_.queue.victims.clear();
        return {};
    }
    KVASIR_TRY_ASSIGN(CollectedBlocks collected,
                      context_.catalog.collect(
                          victims, [&](const BlockName& name) { return context_.holds.contains(name); }));
    files_.insert(files_.end(), collected.files.begin(), collected.files.end());
    for (const AgentId agent : collected.agents) {
        if (context_.on_agent_collected) context_.on_agent_collected(agent);
        agents_.insert(agent);
    }
    result_.agents = agents_.size();
    if (!files_.empty()) stage_ = Stage::kFiles;
    return {};
}

Status CollectRun::remove_next_file() {
    const StoredBlock block = files_.front();
    files_.pop_front();
    KVASIR_TRY(context_.files.remove(block.kind, block.name));
    context_.catalog.note_removed(block.kind, block.name);
    result_.bytes_freed += block.file_bytes;
    ++result_.files_removed;
    ++context_.health.counters.collected_files;
    context_.health.counters.collected_bytes += block.file_bytes;
    if (files_.empty()) stage_ = has_enough() ? Stage::kDone : Stage::kRows;
    return {};
}

Status CollectRun::advance() {
    switch (stage_) {
        case Stage::kQuarantine:
            return empty_quarantine();
        case Stage::kChoose:
            return choose();
        case Stage::kRows:
            return drop_rows();
        case Stage::kFiles:
            return remove_next_file();
        case Stage::kDone:
            break;
    }
    return {};
}

Status CollectRun::step() {
    Status status = advance();
    if (!status) stage_ = Stage::kDone;
    return status;
}

}  // namespace kvasir
