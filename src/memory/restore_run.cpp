#include "memory/restore_run.h"

#include <algorithm>
#include <utility>

#include "memory/places.h"

namespace kvasir {

namespace {

// Rows that are there are not exchanged for stored ones that go hardly further: all of those would be read.
constexpr Position kStoredGainTokensMin = 64;
// Of rows that another turn reads, or that a save still writes: less is read sooner than it is waited for.
constexpr Position kAwaitedGainTokensMin = 64;
// A disk that takes longer than this is not waited for.
constexpr double kSaveWaitMsMax = 10'000;
// Of rows that are to go and that a save wants: more are not copied at once, beside the streams of others.
constexpr Position kCopiedAtOnceMax = kBlockTokens;
// Fewer of another agent's rows are not worth a copy.
constexpr Position kCopiedTokensMin = 16;

bool contains_all(const std::vector<PlannedBlock>& planned, const std::set<BlockName>& names) {
    return std::all_of(planned.begin(), planned.end(),
                       [&](const PlannedBlock& block) { return names.contains(block.block.name); });
}

}  // namespace

RestoreRun::RestoreRun(Places& places, ResidentAgent& agent, Wanted wanted,
                       std::function<void(Position)> on_progress)
    : places_(places),
      agent_(agent),
      wanted_(std::move(wanted)),
      on_progress_(std::move(on_progress)),
      busy_before_(std::exchange(agent.busy, AgentState::kRestoring)) {
    shared_ = std::min(common_prefix(agent.rows, wanted_.tokens), wanted_.reuse_max);
    own_ = shared_;
    const Position floor = places.context_.engine.rewind_floor(agent.sequence);
    if (own_ < agent.length() && own_ < floor) own_ = 0;
}

RestoreRun::~RestoreRun() {
    if (!done()) agent_.busy = busy_before_;
}

// The rows are the agent's own; only a state is missing, which cuts off what follows it.
bool RestoreRun::can_rewind_in_place() const {
    const KvLayout& layout = places_.context_.layout();
    return layout.has_rows() && !layout.has_window() && plan_.snapshot && plan_.position <= shared_;
}

bool RestoreRun::copying_pays(Position shared) const {
    return shared >= (own_ > 0 ? own_ + kStoredGainTokensMin : kCopiedTokensMin);
}

// A state alone, for rows that are there, is always worth it.
bool RestoreRun::importing_pays() {
    if (plan_.position <= own_ || (own_ > 0 && plan_.position - own_ < kStoredGainTokensMin)) return false;
    if (places_.restore_ != RestorePolicy::kWhenFaster || can_rewind_in_place()) return true;
    reuse_.choice = places_.rates_.choose(plan_.position, plan_.position - own_);
    return reuse_.choice == RestoreChoice::kRestore;
}

// The best that others hold, or that is stored, beyond the agent's own rows, which make room for it if there
// is such.
Status RestoreRun::make_plan() {
    auto plan = plan_restore(places_.context_, {wanted_.tokens, wanted_.reuse_max, wanted_.boundaries,
                                                &excluded_, agent_.record.id});
    if (!plan) {
        // The catalog could not be read just now: KV is a cache, the tokens are at hand.
        reuse_.failures.push_back(plan.error().message);
        return finish();
    }
    plan_ = std::move(*plan);
    reuse_.stored_end = std::max(reuse_.stored_end, plan_.chain_end);
    const Leader holder = copies_ ? places_.find_holder(&agent_, wanted_) : Leader();
    otherwise_ = std::max({own_, plan_.position, holder.shared});
    if (!alone_ &&
        places_.find_leader(agent_, wanted_, otherwise_ + kAwaitedGainTokensMin).agent != nullptr) {
        stage_ = Stage::kFollow;
        return {};
    }
    if (save_pays()) {
        if (!save_awaited_us_) save_awaited_us_ = places_.clock_.monotonic_us();
        stage_ = Stage::kSave;
        return {};
    }
    const bool copies = copying_pays(holder.shared);
    const bool imports = !(copies && holder.shared >= plan_.position) && importing_pays();
    const bool in_place = imports && can_rewind_in_place();
    kept_ = in_place ? plan_.position : imports || copies ? 0 : own_;
    if (copies_pay(kept_)) {
        stage_ = Stage::kCopies;
        return {};
    }
    if (!imports) return copies ? copy_from(holder) : finish();
    own_ = 0;
    next_ = 0;
    hold_plan();
    stage_ = Stage::kImport;
    if (in_place) {
        places_.let_copy(agent_, kept_);
        next_ = plan_.rows_size();
        return {};
    }
    return places_.reset(agent_);
}

// Somebody reads now what would be read here: it is read once, and copied when it is there.
Status RestoreRun::follow() {
    const Leader leader = places_.find_leader(agent_, wanted_, otherwise_ + kAwaitedGainTokensMin);
    if (alone_ || leader.agent == nullptr) return plan_anew();
    if (leader.agent->length() < leader.shared) {
        leader.agent->awaited.insert(leader.shared);
        return {};
    }
    return copy_from(leader);
}

// Rows that gave way to another line of the same agent are nowhere until they are written. They are waited
// for as long as reading them would take, as far as that is known.
bool RestoreRun::save_pays() const {
    if (alone_) return false;
    const Position shared =
        std::min(places_.saves_.shared(agent_.record.id, wanted_.tokens), wanted_.reuse_max);
    if (shared <= otherwise_ + kAwaitedGainTokensMin) return false;
    if (!save_awaited_us_) return true;
    double wait_ms_max = kSaveWaitMsMax;
    if (places_.restore_ == RestorePolicy::kWhenFaster)
        wait_ms_max =
            std::min(wait_ms_max, places_.rates_.prefill_ms(shared - otherwise_).value_or(wait_ms_max));
    return static_cast<double>(places_.clock_.monotonic_us() - *save_awaited_us_) / 1000.0 < wait_ms_max;
}

// Those beyond what the agent keeps go when it goes on.
bool RestoreRun::copies_pay(Position kept) const {
    return !alone_ && agent_.copying != nullptr && agent_.copying->rows_to_copy(kept) > kCopiedAtOnceMax;
}

Status RestoreRun::plan_anew() {
    stage_ = Stage::kPlan;
    return make_plan();
}

Status RestoreRun::copy_from(const Leader& leader) {
    const Status copied = places_.fork_rows(leader, agent_, wanted_);
    own_ = 0;
    shared_ = 0;
    if (!copied) {
        // The model has gone on too far to be copied from, or has no cells for another window.
        alone_ = true;
        copies_ = false;
        stage_ = Stage::kPlan;
        return places_.reset(agent_);
    }
    reuse_.position = leader.shared;
    reuse_.source = ReuseSource::kMemoryFork;
    if (places_.context_.keeps_points()) capture_boundary(places_.context_.engine, agent_);
    return finish();
}

void RestoreRun::hold_plan() {
    std::vector<BlockName> names;
    for (std::size_t i = 0; i < plan_.size(); ++i) names.push_back(plan_.at(i).block.name);
    hold_ = places_.context_.store.hold(std::move(names));
}

void RestoreRun::note_use() {
    for (std::size_t i = 0; i < plan_.size(); ++i) places_.context_.store.note_use(plan_.at(i).block.name);
}

Status RestoreRun::import_next() {
    const PlannedBlock& block = plan_.at(next_);
    const Status imported = places_.loader_.import_block(agent_.sequence, block);
    if (!imported) return import_failed(block, imported.error());
    ++next_;
    if (block.block.kind != BlockKind::kWindow && on_progress_) on_progress_(block.part.end);
    return next_ == plan_.size() ? adopt() : Status();
}

Status RestoreRun::import_failed(const PlannedBlock& planned, const Error& error) {
    KVASIR_TRY(places_.reset(agent_));
    shared_ = 0;
    if (error.code == ErrorCode::kOutOfMemory) {  // no cells
        next_ = 0;
        const auto evicted = places_.evict_one({.kept = &agent_, .name = agent_.record.name});
        return evicted == Places::Evicted::kNobody ? Status(fail(error)) : Status();
    }
    const UnusableBlock unusable = places_.loader_.give_up(planned.block, error);
    excluded_.insert(unusable.name);
    reuse_.failures.push_back(unusable.reason);
    places_.note_damaged(agent_.record.name, unusable.reason);
    stage_ = Stage::kPlan;
    return {};
}

Status RestoreRun::adopt() {
    if (places_.context_.engine.length(agent_.sequence) != plan_.position) {
        KVASIR_TRY(places_.reset(agent_));
        return finish();
    }
    reuse_.position = plan_.position;
    reuse_.source = ReuseSource::kDisk;
    const auto restored = wanted_.tokens.first(plan_.position);
    agent_.rows.assign(restored.begin(), restored.end());
    agent_.snapshots.rewind(plan_.position);
    agent_.windows.assume_stored(plan_.position);
    note_use();
    note_durability();
    return finish();
}

void RestoreRun::note_durability() {
    agent_.durable_at.reset();
    if (!agent_.branch || plan_.size() == 0) return;
    const auto referenced = places_.context_.store.catalog().branch_blocks(agent_.record.id, *agent_.branch);
    if (!referenced) return;
    std::set<BlockName> names;
    for (const StoredBlock& block : *referenced) names.insert(block.name);
    const bool whole = plan_.append.empty() || plan_.append.back().part == plan_.append.back().block.range;
    const bool state = !plan_.snapshot || names.contains(plan_.snapshot->block.name);
    if (whole && state && contains_all(plan_.append, names) && contains_all(plan_.window, names))
        agent_.durable_at = plan_.position;
}

Status RestoreRun::finish() {
    stage_ = Stage::kDone;
    hold_.release();
    agent_.busy = busy_before_;
    if (reuse_.position == 0 && own_ > 0 && places_.reuse_own(agent_, own_)) {
        reuse_.position = own_;
        reuse_.source = ReuseSource::kResident;
    }
    if (reuse_.position == 0) KVASIR_TRY(places_.reset(agent_));
    agent_.boundaries = wanted_.boundaries;
    return {};
}

Status RestoreRun::advance() {
    switch (stage_) {
        case Stage::kPlan:
            return make_plan();
        case Stage::kFollow:
            return follow();
        case Stage::kSave:
            return save_pays() ? Status() : plan_anew();
        case Stage::kCopies:
            return copies_pay(kept_) ? Status() : plan_anew();
        case Stage::kImport:
            return import_next();
        case Stage::kDone:
            break;
    }
    return {};
}

Status RestoreRun::step() {
    if (done()) return {};
    const std::int64_t begin_us = places_.clock_.monotonic_us();
    Status status = advance();
    reuse_.restore_ms += static_cast<double>(places_.clock_.monotonic_us() - begin_us) / 1000.0;
    if (status && done() && reuse_.source == ReuseSource::kDisk) {
        // What a failed block cost is no measure of those that are whole.
        if (reuse_.failures.empty()) places_.note_restore(reuse_.position, reuse_.restore_ms);
        places_.tell(
            {MemoryEventKind::kRestored, agent_.record.name, reuse_.position, reuse_.restore_ms, {}});
    }
    return status;
}

}  // namespace kvasir
