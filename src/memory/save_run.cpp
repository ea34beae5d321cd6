#include "memory/save_run.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "memory/saves_in_flight.h"

namespace kvasir {

namespace {

constexpr std::uint64_t kHeaderBytesExpected = 4096;  // of one block file, for admission
// Between two steps another agent may have dropped a block that this save counts on; then it is planned anew.
constexpr std::uint32_t kAttemptsMax = 3;

}  // namespace

SaveRun::SaveRun(KvContext context, const Clock& clock, SavesInFlight& saves, ResidentAgent& agent,
                 std::function<void(const SaveRun&)> on_done)
    : context_(context),
      clock_(clock),
      saves_(saves),
      agent_(&agent),
      record_(agent.record),
      branch_(agent.branch),
      length_(agent.length()),
      room_(context.store),
      on_done_(std::move(on_done)) {
    if (agent.durable()) {
        stage_ = Stage::kDone;
        on_done_(*this);
        return;
    }
    agent.busy = AgentState::kSaving;
    saves_.add(*this);
    if (saves_.before(*this) != nullptr) let_others_take_place();
}

SaveRun::~SaveRun() {
    if (done()) return;
    collect_all();
    remove_written();
    leave_agent(false);
    saves_.remove(*this);
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
        plan_.pending.push_back({{BlockKind::kAppend, name, chain_->parent_of(range.begin), range}, nullptr});
    }
    return {};
}

Status SaveRun::make_plan() {
    ++attempts_;
    plan_ = {};
    next_ = 0;
    chain_.emplace(context_.root, agent_->rows);
    const KvLayout& layout = context_.layout();
    if (layout.has_rows()) KVASIR_TRY(plan_append());
    if (context_.keeps_points()) KVASIR_TRY(plan_points());
    if (agent_->rows_of == RowsOf::kNextPrompt) KVASIR_TRY(keep_conversation());
    for (const Pending& pending : plan_.pending) {
        const std::uint64_t bytes = pending.image != nullptr
                                        ? pending.image->size()
                                        : layout.row_bytes(Plane::kAppend) * pending.identity.range.size();
        plan_.image_bytes += bytes + kHeaderBytesExpected;
    }
    hold_ = context_.store.hold(plan_.references);
    room_.want(plan_.image_bytes, record_.name);
    result_.blocks_shared = plan_.blocks_shared;
    stage_ = Stage::kRoom;
    let_others_take_place();
    rows_ = agent_;
    rows_->copying = this;
    if (plan_.pending.empty()) end_copying(Stage::kRefer);
    return {};
}

void SaveRun::let_others_take_place() {
    agent_->busy.reset();
    agent_->writing = this;
}

// The next message may be so short that nothing is left out: the conversation's own KV stays beside it.
Status SaveRun::keep_conversation() {
    KVASIR_TRY_ASSIGN(const auto kept, context_.store.catalog().branch_blocks(record_.id, *branch_));
    for (const StoredBlock& block : kept) {
        auto& names = plan_.references;
        if (std::find(names.begin(), names.end(), block.name) == names.end()) names.push_back(block.name);
    }
    return {};
}

Status SaveRun::make_room() {
    KVASIR_TRY_ASSIGN(const bool ready, room_.step());
    if (ready) stage_ = Stage::kWrite;
    return {};
}

Status SaveRun::refer() {
    const auto superseded = context_.store.catalog().set_references(
        record_.id, *branch_, written_, context_.root.fingerprint, plan_.references, clock_.unix_ms());
    if (!superseded && superseded.error().code == ErrorCode::kNotFound && attempts_ < kAttemptsMax &&
        agent_ != nullptr) {
        agent_->busy = AgentState::kSaving;  // its rows are copied anew
        agent_->writing = nullptr;
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

// Files that the catalog does not know and no other save counts on: nobody else would ever remove them.
void SaveRun::remove_written() {
    std::erase_if(written_, [&](const StoredBlock& block) {
        if (saves_.other_with_file(*this, block.name) != nullptr) return true;
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
            return write_some();
        case Stage::kRefer:
            return refer();
        case Stage::kDone:
            break;
    }
    return {};
}

void SaveRun::finish(const Status& status) {
    stage_ = Stage::kDone;
    leave_agent(status.has_value());
    if (!status) {
        collect_all();
        remove_written();
        result_ = SaveResult{};
        result_.durability = Durability::kTokensOnly;
        result_.warning = "the KV cache of '" + record_.name + "' was not saved: " + status.error().message +
                          "; its conversation is safe and is read again when needed";
        log(LogLevel::kWarning, "kv_not_saved", result_.warning);
    }
    end();
}

void SaveRun::leave_agent(bool saved) {
    leave_rows();
    if (agent_ == nullptr) return;
    if (agent_->writing == nullptr) agent_->busy.reset();
    agent_->writing = nullptr;
    if (!saved) return;
    agent_->durable_at = length_;
    agent_->windows.drop_segments();
    agent_->snapshots.drop();
}

bool SaveRun::may_plan() const { return !planned() && saves_.before(*this) == nullptr; }

bool SaveRun::may_let_go() const {
    if (planned()) return true;
    return agent_ != nullptr && agent_->writing == this &&
           agent_->windows.bytes_alone() + agent_->snapshots.bytes_alone() <= kSaveBytesInFlightMax;
}

void SaveRun::let_go() {
    agent_->writing = nullptr;
    agent_ = nullptr;
    if (!planned()) give_way();
}

void SaveRun::give_way() {
    result_.durability = Durability::kTokensOnly;
    result_.left_to_next = true;
    stage_ = Stage::kDone;
    end();
}

void SaveRun::end() {
    saves_.remove(*this);
    hold_.release();
    result_.save_ms = begin_us_ ? static_cast<double>(clock_.monotonic_us() - *begin_us_) / 1000.0 : 0;
    on_done_(*this);
}

void SaveRun::step() {
    if (done()) return;
    if (!begin_us_) begin_us_ = clock_.monotonic_us();
    if (SaveRun* earlier = saves_.before(*this)) return earlier->step();
    const Status status = advance();
    if (!status || done()) finish(status);
}

}  // namespace kvasir
