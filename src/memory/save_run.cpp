#include "memory/save_run.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace kvasir {

namespace {

constexpr std::uint64_t kHeaderBytesExpected = 4096;  // of one block file, for admission
// Between two steps another agent may have dropped a block that this save counts on; then it is planned anew.
constexpr std::uint32_t kAttemptsMax = 3;

}  // namespace

SaveRun::SaveRun(KvContext context, const Clock& clock, ResidentAgent& agent, std::vector<std::byte>& image)
    : context_(context),
      clock_(clock),
      agent_(agent),
      image_(image),
      busy_before_(agent.busy),
      room_(context.store) {
    if (agent.durable())
        stage_ = Stage::kDone;
    else
        agent.busy = AgentState::kSaving;
}

SaveRun::~SaveRun() {
    if (done()) return;
    remove_written();
    agent_.busy = busy_before_;
}

Status SaveRun::plan_append() {
    for (const TokenRange& range : TokenChain::block_ranges(chain_->size())) {
        const BlockName name = chain_->name_at(range.end);
        plan_.references.push_back(name);
        KVASIR_TRY_ASSIGN(const auto stored, context_.store.catalog().block(BlockKind::kAppend, name));
        if (stored) {
            ++plan_.blocks_shared;
            continue;
        }
        plan_.pending.push_back({{BlockKind::kAppend, name, chain_->parent_of(range.begin), range}});
    }
    return {};
}

Status SaveRun::make_plan() {
    ++attempts_;
    plan_ = {};
    next_ = 0;
    chain_.emplace(context_.root, agent_.rows);
    const KvLayout& layout = context_.layout();
    if (layout.has_rows()) KVASIR_TRY(plan_append());
    if (context_.keeps_points()) KVASIR_TRY(plan_points());
    for (const Pending& pending : plan_.pending) {
        const std::uint64_t bytes = pending.image != nullptr
                                        ? pending.image->size()
                                        : layout.row_bytes(Plane::kAppend) * pending.identity.range.size();
        plan_.image_bytes += bytes + kHeaderBytesExpected;
    }
    hold_ = context_.store.hold(plan_.references);
    room_.want(plan_.image_bytes, agent_.record.name);
    result_.blocks_shared = plan_.blocks_shared;
    stage_ = plan_.pending.empty() ? Stage::kRefer : Stage::kRoom;
    return {};
}

Status SaveRun::make_room() {
    KVASIR_TRY_ASSIGN(const bool ready, room_.step());
    if (ready) stage_ = Stage::kWrite;
    return {};
}

Result<StoredBlock> SaveRun::write_block(const Pending& pending) {
    const TokenRange range = pending.identity.range;
    const BlockSpec spec = make_block_spec(context_, pending.identity, chain_->tokens(range));
    if (pending.image != nullptr) {
        const bool window = pending.identity.kind == BlockKind::kWindow;
        (window ? result_.window_bytes_written : result_.snapshot_bytes_written) += pending.image->size();
        return context_.store.blocks().write(spec, *pending.image);
    }
    KVASIR_TRY(context_.engine.export_rows(agent_.sequence, Plane::kAppend, range, image_));
    result_.append_rows_written += range.size();
    result_.append_bytes_written += image_.size();
    ++result_.blocks_written;
    return context_.store.blocks().write(spec, image_);
}

Status SaveRun::write_next() {
    const Pending& pending = plan_.pending[next_];
    // Another agent may have written it since this save was planned.
    KVASIR_TRY_ASSIGN(const auto stored,
                      context_.store.catalog().block(pending.identity.kind, pending.identity.name));
    if (!stored) {
        KVASIR_TRY_ASSIGN(StoredBlock block, write_block(pending));
        written_.push_back(std::move(block));
    }
    if (++next_ == plan_.pending.size()) stage_ = Stage::kRefer;
    return {};
}

Status SaveRun::refer() {
    const auto superseded = context_.store.catalog().set_references(agent_.record.id, *agent_.branch,
                                                                    written_, context_.root.fingerprint,
                                                                    plan_.references, clock_.unix_ms());
    if (!superseded && superseded.error().code == ErrorCode::kNotFound && attempts_ < kAttemptsMax) {
        stage_ = Stage::kPlan;
        return {};
    }
    if (!superseded) return fail(superseded.error());
    written_.clear();  // the catalog's now
    remove_superseded(context_.store, *superseded);
    stage_ = Stage::kDone;
    return {};
}

void remove_superseded(Store& store, const std::vector<StoredBlock>& blocks) {
    for (const StoredBlock& block : blocks) {
        const Status removed = store.retire_file(block.kind, block.name);  // somebody may be reading it
        if (!removed) log(LogLevel::kWarning, "block_not_removed", removed.error().message);
    }
}

// Files that the catalog does not know: nobody else would ever remove them.
void SaveRun::remove_written() {
    std::erase_if(written_, [&](const StoredBlock& block) {
        const auto known = context_.store.catalog().block(block.kind, block.name);
        return !known || known->has_value();
    });
    for (const StoredBlock& block : written_) {
        const Status removed = context_.store.remove_file(block.kind, block.name);
        if (!removed) log(LogLevel::kWarning, "block_not_removed", removed.error().message);
    }
    written_.clear();
}

Status SaveRun::advance() {
    switch (stage_) {
        case Stage::kPlan:
            return make_plan();
        case Stage::kRoom:
            return make_room();
        case Stage::kWrite:
            return write_next();
        case Stage::kRefer:
            return refer();
        case Stage::kDone:
            break;
    }
    return {};
}

void SaveRun::finish(const Status& status) {
    stage_ = Stage::kDone;
    hold_.release();
    agent_.busy = busy_before_;
    if (status) {
        agent_.durable_at = agent_.length();
        agent_.windows.drop_segments();
        agent_.snapshots.drop();
    } else {
        remove_written();
        result_ = SaveResult{};
        result_.durability = Durability::kTokensOnly;
        result_.warning = "the KV cache of '" + agent_.record.name +
                          "' was not saved: " + status.error().message +
                          "; its conversation is safe and is read again when needed";
        log(LogLevel::kWarning, "kv_not_saved", result_.warning);
    }
    result_.save_ms = spent_ms_;
}

void SaveRun::step() {
    if (done()) return;
    const std::int64_t begin_us = clock_.monotonic_us();
    const Status status = advance();
    spent_ms_ += static_cast<double>(clock_.monotonic_us() - begin_us) / 1000.0;
    if (!status || done()) finish(status);
}

}  // namespace kvasir
