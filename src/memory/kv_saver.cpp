#include "memory/kv_saver.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "memory/window_cover.h"

namespace kvasir {

namespace {

constexpr std::uint64_t kHeaderBytesExpected = 4096;  // of one block file, for admission

std::uint64_t image_bytes(const KvLayout& layout, const BlockIdentity& identity) {
    return layout.row_bytes(plane_of(identity.kind)) * identity.range.size();
}

}  // namespace

Status KvSaver::plan_append(const TokenChain& chain, Plan& plan) {
    for (const TokenRange& range : TokenChain::block_ranges(chain.size())) {
        const BlockName name = chain.name_at(range.end);
        plan.references.push_back(name);
        KVASIR_TRY_ASSIGN(const auto stored, context_.store.catalog().block(BlockKind::kAppend, name));
        if (stored) {
            ++plan.blocks_shared;
            continue;
        }
        plan.pending.push_back({{BlockKind::kAppend, name, chain.parent_of(range.begin), range}, nullptr});
    }
    return {};
}

Result<std::vector<KvSaver::Pending>> KvSaver::missing_segments(const ResidentAgent& agent,
                                                                const TokenChain& chain) {
    std::vector<Pending> missing;
    for (const WindowSegment& segment : agent.windows.segments()) {
        const BlockName end_name = chain.name_at(segment.range.end);
        const BlockName name = window_name(end_name, segment.range.begin);
        KVASIR_TRY_ASSIGN(const auto stored, context_.store.catalog().block(BlockKind::kWindow, name));
        if (!stored) missing.push_back({{BlockKind::kWindow, name, end_name, segment.range}, &segment});
    }
    return missing;
}

Status KvSaver::plan_windows(ResidentAgent& agent, const TokenChain& chain, Plan& plan) {
    std::vector<Position> boundaries = agent.boundaries;
    boundaries.push_back(agent.length());
    agent.windows.keep_only(context_.layout(), boundaries);
    KVASIR_TRY_ASSIGN(const std::vector<Pending> missing, missing_segments(agent, chain));
    const SegmentsEndingAt segments = [&](const BlockName& end_name) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY_ASSIGN(auto found, context_.store.catalog().windows_ending_at(end_name));
        for (const Pending& pending : missing) {
            if (pending.identity.parent != end_name) continue;
            StoredBlock block;
            block.kind = BlockKind::kWindow;
            block.name = pending.identity.name;
            block.range = pending.identity.range;
            found.push_back(std::move(block));
        }
        return found;
    };
    std::set<BlockName> referenced;
    for (const Position boundary : boundaries) {
        if (boundary == 0 || boundary > agent.length()) continue;
        KVASIR_TRY_ASSIGN(const auto cover,
                          find_window_cover(chain, context_.layout().window_range(boundary), segments));
        if (!cover && boundary == agent.length()) {
            return fail(ErrorCode::kDamaged, "the window rows at the end of the conversation are missing");
        }
        if (!cover) continue;
        for (const StoredBlock& segment : *cover) referenced.insert(segment.name);
    }
    for (const Pending& pending : missing) {
        if (referenced.contains(pending.identity.name)) plan.pending.push_back(pending);
    }
    plan.references.insert(plan.references.end(), referenced.begin(), referenced.end());
    return {};
}

Result<KvSaver::Plan> KvSaver::make_plan(ResidentAgent& agent, const TokenChain& chain) {
    Plan plan;
    KVASIR_TRY(plan_append(chain, plan));
    if (context_.windowed()) KVASIR_TRY(plan_windows(agent, chain, plan));
    for (const Pending& pending : plan.pending) {
        plan.image_bytes += image_bytes(context_.layout(), pending.identity) + kHeaderBytesExpected;
    }
    return plan;
}

Result<StoredBlock> KvSaver::write_block(const ResidentAgent& agent, const TokenChain& chain,
                                         const Pending& pending, SaveResult& result) {
    const TokenRange range = pending.identity.range;
    const BlockSpec spec = make_block_spec(context_, pending.identity, chain.tokens(range));
    if (pending.segment != nullptr) {
        result.window_bytes_written += pending.segment->image.size();
        return context_.store.blocks().write(spec, pending.segment->image);
    }
    KVASIR_TRY(context_.engine.export_rows(agent.sequence, Plane::kAppend, range, image_));
    result.append_rows_written += range.size();
    result.append_bytes_written += image_.size();
    ++result.blocks_written;
    return context_.store.blocks().write(spec, image_);
}

Status KvSaver::write_pending(ResidentAgent& agent, const TokenChain& chain, const Plan& plan,
                              std::vector<StoredBlock>& written, SaveResult& result) {
    if (!plan.pending.empty()) KVASIR_TRY(context_.store.admit_kv(plan.image_bytes));
    for (const Pending& pending : plan.pending) {
        KVASIR_TRY_ASSIGN(StoredBlock block, write_block(agent, chain, pending, result));
        written.push_back(std::move(block));
    }
    Catalog& catalog = context_.store.catalog();
    KVASIR_TRY_ASSIGN(const auto superseded,
                      catalog.set_references(agent.record.id, *agent.branch, written,
                                             context_.root.fingerprint, plan.references, clock_.unix_ms()));
    remove_files(superseded);
    return {};
}

Status KvSaver::write_all(ResidentAgent& agent, SaveResult& result) {
    const TokenChain chain(context_.root, agent.rows);
    KVASIR_TRY_ASSIGN(const Plan plan, make_plan(agent, chain));
    result.blocks_shared = plan.blocks_shared;
    std::vector<StoredBlock> written;
    const Status status = write_pending(agent, chain, plan, written, result);
    // The catalog does not know them: nobody else would ever remove them.
    if (!status) remove_files(written);
    return status;
}

void KvSaver::remove_files(const std::vector<StoredBlock>& blocks) {
    for (const StoredBlock& block : blocks) {
        const Status removed = context_.store.blocks().remove(block.kind, block.name);
        if (!removed) log(LogLevel::kWarning, "block_not_removed", removed.error().message);
    }
}

SaveResult KvSaver::save(ResidentAgent& agent) {
    SaveResult result;
    if (agent.durable()) return result;
    const std::int64_t begin_us = clock_.monotonic_us();
    const std::optional<AgentState> busy_before = std::exchange(agent.busy, AgentState::kSaving);
    const Status status = write_all(agent, result);
    agent.busy = busy_before;
    if (status) {
        agent.durable_at = agent.length();
        agent.windows.drop_segments();
    } else {
        result = SaveResult{};
        result.durability = Durability::kTokensOnly;
        result.warning = "the KV cache of '" + agent.record.name +
                         "' was not saved: " + status.error().message +
                         "; its conversation is safe and is read again when needed";
        log(LogLevel::kWarning, "kv_not_saved", result.warning);
    }
    result.save_ms = static_cast<double>(clock_.monotonic_us() - begin_us) / 1000.0;
    return result;
}

}  // namespace kvasir
