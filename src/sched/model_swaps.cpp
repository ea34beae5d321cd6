// Models that come and go.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/names.h"
#include "base/process_memory.h"
#include "sched/swapping_models.h"

namespace kvasir {

namespace {

constexpr std::uint64_t kNothingBytes = 1;  // 0 means that it is not known
constexpr std::int64_t kLeaveAgainUs = 30'000'000;

}  // namespace

std::uint64_t SwappingModels::taken_bytes() const {
    std::uint64_t bytes = 0;
    for (const ModelSlot& slot : slots_) bytes += slot.bytes;
    return bytes;
}

std::uint32_t SwappingModels::loaded_count() const {
    return static_cast<std::uint32_t>(std::count_if(
        slots_.begin(), slots_.end(), [](const ModelSlot& slot) { return slot.engine != nullptr; }));
}

void SwappingModels::settle(LoadOutcome outcome) {
    ModelSlot& slot = slots_[outcome.slot];
    slot.state = ModelState::kUnloaded;
    slot.status.load_ms_last = outcome.ms;
    if (outcome.engine) {
        if (Status installed = install(slot, outcome); !installed)
            return note_failure(slot, installed.error());
        return hand_over(slot);
    }
    if (outcome.error) return note_failure(slot, *outcome.error);
    if (loaded_count() == 0)
        return note_failure(slot,
                            {ErrorCode::kOutOfMemory, "others than this server's models take the memory"});
    room_for_ = &slot;
}

Status SwappingModels::install(ModelSlot& slot, LoadOutcome& outcome) {
    KVASIR_TRY_ASSIGN(slot.memory, AgentMemory::open(memory_.options(), *outcome.engine, store_, clock_));
    slot.engine = std::move(outcome.engine);
    const EngineMemory use = slot.engine->memory();
    slot.bytes = use.weights_bytes + use.kv_pool_bytes + use.compute_bytes;
    slot.loop = std::make_unique<EngineLoop>(options_, *slot.memory, *slot.engine, clock_);
    memory_.add(slot.spec.name, *slot.memory, *slot.engine);
    slot.model_id = slot.engine->fingerprint().model_id();
    slot.state = ModelState::kLoaded;
    slot.loaded_at_us = slot.used_at_us = clock_.monotonic_us();
    slot.failures = 0;
    slot.status.error.clear();
    slot.status.description = slot.engine->model().description;
    slot.status.context_tokens = slot.engine->model().context_tokens;
    ++slot.status.loads;
    left_.clear();
    log(LogLevel::kInfo, "model_loaded", fmt::format("model={} ms={:.0f}", slot.spec.name, outcome.ms));
    return {};
}

// Who has left for it comes back.
void SwappingModels::note_failure(ModelSlot& slot, const Error& error) {
    const std::int64_t wait_ms = std::min<std::int64_t>(
        std::int64_t{models_.retry_ms} << std::min(slot.failures, 10U), models_.retry_ms_max);
    ++slot.failures;
    ++slot.status.load_failures;
    slot.status.error = error.message;
    slot.retry_at_us = clock_.monotonic_us() + wait_ms * 1000;
    log(LogLevel::kWarning, "model_not_loaded",
        fmt::format("model={} again_in_ms={}: {}", slot.spec.name, wait_ms, error.message));
    refuse_all(slot, not_now(slot));
    if (room_for_ == &slot) room_for_ = nullptr;
    for (ModelSlot* gone : std::exchange(left_, {})) want(*gone);
}

void SwappingModels::load(ModelSlot& slot) {
    const std::uint64_t taken = taken_bytes();
    const std::uint64_t system = models_.source.available_bytes ? models_.source.available_bytes() : 0;
    const std::uint64_t all = models_.memory_bytes;
    LoadOrder order;
    order.slot = static_cast<std::size_t>(&slot - slots_.data());
    order.spec = slot.spec;
    order.free_bytes = system;
    order.total_bytes = system > 0 ? system + taken : 0;
    if (all > 0) {
        const std::uint64_t left = std::max(kNothingBytes, all > taken ? all - taken : 0);
        order.free_bytes = system > 0 ? std::min(system, left) : left;
        order.total_bytes = system > 0 ? std::min(system + taken, all) : all;
    }
    const bool too_many = models_.loaded_max > 0 && loaded_count() >= models_.loaded_max;
    if (too_many) order.depth = LoadOrder::Depth::kCheckOnly;
    slot.state = ModelState::kLoading;
    loader_.start(std::move(order));
}

// Whoever waits longest.
void SwappingModels::load_next() {
    if (ending_ || loader_.busy() || room_for_ != nullptr) return;
    ModelSlot* next = nullptr;
    for (ModelSlot& slot : slots_) {
        if (slot.state != ModelState::kUnloaded || !slot.wanted_since_us || refuses(slot)) continue;
        if (next == nullptr || *slot.wanted_since_us < *next->wanted_since_us) next = &slot;
    }
    if (next != nullptr) load(*next);
}

// Nobody who has just come, or no model would get anything done. Idle ones first, the longest unused of them;
// then the one that has been here longest.
ModelSlot* SwappingModels::who_may_leave() {
    const std::int64_t now_us = clock_.monotonic_us();
    const std::int64_t here_since_us = now_us - std::int64_t{models_.stay_ms} * 1000;
    ModelSlot* chosen = nullptr;
    const auto rank = [](const ModelSlot& slot) {
        return slot.is_unused() ? std::pair(0, slot.used_at_us) : std::pair(1, slot.loaded_at_us);
    };
    for (ModelSlot& slot : slots_) {
        if (slot.state != ModelState::kLoaded || slot.loaded_at_us > here_since_us ||
            slot.leave_at_us > now_us)
            continue;
        if (chosen == nullptr || rank(slot) < rank(*chosen)) chosen = &slot;
    }
    return chosen;
}

void SwappingModels::make_room() {
    if (!room_for_->wanted_since_us || (!room_for_->is_awaited() && left_.empty())) {
        // Nobody waits for it any more.
        room_for_->wanted_since_us.reset();
        room_for_ = nullptr;
        for (ModelSlot& slot : slots_) {
            if (slot.state == ModelState::kLeaving) stay(slot);
        }
        return;
    }
    const bool leaving = std::any_of(slots_.begin(), slots_.end(), [](const ModelSlot& slot) {
        return slot.state == ModelState::kLeaving;
    });
    if (leaving) return;
    if (loaded_count() == 0) {
        room_for_ = nullptr;  // tried again, or told that it cannot be
        return;
    }
    if (ModelSlot* const slot = who_may_leave()) {
        begin_leaving(*slot);
        finish_leaving();
    }
}

// Turns that have begun are finished, the others wait until it is back.
void SwappingModels::begin_leaving(ModelSlot& slot) {
    slot.state = ModelState::kLeaving;
    for (WaitingTurn& turn : slot.loop->take_waiting())
        slot.turns.push_back({std::move(turn), clock_.monotonic_us()});
    if (slot.is_awaited()) want(slot);
}

void SwappingModels::stay(ModelSlot& slot) {
    slot.state = ModelState::kLoaded;
    hand_over(slot);
}

void SwappingModels::finish_leaving() {
    for (ModelSlot& slot : slots_) {
        if (slot.state != ModelState::kLeaving || !slot.is_unused()) continue;
        const Status unloaded = unload(slot);
        if (unloaded) {
            if (room_for_ != nullptr) left_.push_back(&slot);
            room_for_ = nullptr;  // it is tried whether that was enough
            continue;
        }
        stay(slot);
        if (room_for_ == nullptr) continue;
        ModelSlot& wanted = *room_for_;
        note_failure(wanted, {ErrorCode::kUnavailable,
                              fmt::format("the model {} cannot leave, its agents are not saved: {}",
                                          printable(slot.spec.name), unloaded.error().message)});
    }
}

// Everybody is saved, or nobody leaves.
Status SwappingModels::unload(ModelSlot& slot) {
    slot.loop->pause_idle_work();
    if (const auto rested = slot.memory->rest(); !rested) {
        slot.leave_at_us = clock_.monotonic_us() + kLeaveAgainUs;
        log(LogLevel::kWarning, "model_not_unloaded",
            fmt::format("model={}: {}", slot.spec.name, rested.error().message));
        return fail(rested.error());
    }
    SchedulerStats last = slot.loop->stats();
    last.turns_active = last.turns_waiting = last.read_aheads_waiting = 0;
    kvasir::add(slot.past, last);
    memory_.remove(*slot.memory);
    slot.loop.reset();
    slot.memory.reset();
    slot.engine.reset();
    slot.bytes = 0;
    give_back_freed_memory();
    slot.state = ModelState::kUnloaded;
    ++slot.status.unloads;
    log(LogLevel::kInfo, "model_unloaded", fmt::format("model={}", slot.spec.name));
    return {};
}

// Unused for long; or when memory is short, all that are idle but the one that was used last.
void SwappingModels::unload_unused() {
    const std::int64_t now_us = clock_.monotonic_us();
    const bool asked = std::exchange(memory_asked_, false);
    const ModelSlot* last = nullptr;
    for (const ModelSlot& slot : slots_) {
        if (slot.has_loop() && (last == nullptr || slot.used_at_us > last->used_at_us)) last = &slot;
    }
    for (ModelSlot& slot : slots_) {
        if (slot.state != ModelState::kLoaded || !slot.is_unused() || slot.leave_at_us > now_us) continue;
        const std::int64_t unused_us = now_us - slot.used_at_us;
        const bool too_long = models_.idle_ms > 0 && unused_us >= std::int64_t{models_.idle_ms} * 1000;
        if (too_long || (asked && &slot != last)) static_cast<void>(unload(slot));
    }
}

}  // namespace kvasir
