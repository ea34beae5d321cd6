// Who asks for which model, and the rounds of all.
#include "sched/swapping_models.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/names.h"

namespace kvasir {

namespace {

MemoryOptions with_logs_of(const MemoryOptions& options, bool& asked) {
    MemoryOptions with = options;
    with.on_rest = [&asked] { asked = true; };
    return with;
}

bool is_over(const WaitingTurn& turn, std::int64_t now_us) {
    return turn.ticket->cancelled().load() || (turn.deadline_us != 0 && now_us >= turn.deadline_us);
}

}  // namespace

SwappingModels::SwappingModels(const SchedulerOptions& options, const ModelsOptions& models,
                               const MemoryOptions& memory, Store& store, const Clock& clock,
                               std::function<void()> wake)
    : options_(options),
      models_(models),
      clock_(clock),
      store_(store),
      memory_(store, clock, with_logs_of(memory, memory_asked_)),
      slots_(models.specs.size()),
      loader_(models.source, clock, std::move(wake)) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        slots_[i].spec = models.specs[i];
        slots_[i].status.spec = models.specs[i];
    }
    want(slots_.front());
    publish();
}

ModelSlot* SwappingModels::find_slot(const Digest256& model_id, const std::string& path) {
    const auto find = [&](auto is_it) -> ModelSlot* {
        const auto found = std::find_if(slots_.begin(), slots_.end(), is_it);
        return found == slots_.end() ? nullptr : &*found;
    };
    if (auto* slot = find([&](const ModelSlot& it) { return it.model_id == model_id; })) return slot;
    if (auto* slot = find([&](const ModelSlot& it) { return !it.model_id && it.spec.path == path; }))
        return slot;
    // What a model is, is known when it is loaded: then this is asked again. One that failed just now is not
    // waited for while there are others.
    if (auto* slot = find([&](const ModelSlot& it) { return !it.model_id && !refuses(it); })) return slot;
    return find([](const ModelSlot& it) { return !it.model_id; });
}

Result<ModelSlot*> SwappingModels::slot_of_agent(const AgentRecord& record) {
    if (auto* slot = find_slot(record.model_id, record.model_path)) return slot;
    return fail(
        ErrorCode::kModelUnusable,
        fmt::format("the agent {} belongs to the model {}, last seen at {}, which is none of this "
                    "server's: start it with that model (--model), or create a new agent; nothing "
                    "of it is lost",
                    printable(record.name), printable(record.model_name), printable(record.model_path)));
}

Result<ModelSlot*> SwappingModels::slot_of_file(const ModelOfFile& file) {
    if (auto* slot = find_slot(file.id, {})) return slot;
    return fail(
        ErrorCode::kModelUnusable,
        fmt::format("the file belongs to the model {}, which is none of this server's: its tokens mean "
                    "nothing to others; start it with that model (--model)",
                    printable(file.name)));
}

Result<ModelSlot*> SwappingModels::slot_of(const ModelWish& wish, bool may_be_new) {
    if (wish.model) {
        const auto index = static_cast<std::size_t>(*wish.model);
        if (index < slots_.size()) return &slots_[index];
        return fail(ErrorCode::kNotFound, "there is no such model");
    }
    if (wish.file) return slot_of_file(*wish.file);
    const auto record = store_.catalog().agent(wish.agent);
    if (record) return slot_of_agent(*record);
    if (record.error().code == ErrorCode::kNotFound && may_be_new) return &slots_.front();
    return fail(record.error());
}

void SwappingModels::want(ModelSlot& slot) {
    if (!slot.wanted_since_us) slot.wanted_since_us = clock_.monotonic_us();
}

bool SwappingModels::refuses(const ModelSlot& slot) const {
    return ending_ || (slot.state == ModelState::kUnloaded && clock_.monotonic_us() < slot.retry_at_us);
}

Error SwappingModels::not_now(const ModelSlot& slot) const {
    if (ending_) return {ErrorCode::kUnavailable, "the server is shutting down"};
    return {ErrorCode::kUnavailable, fmt::format("the model {} cannot be loaded now, try again later: {}",
                                                 printable(slot.spec.name), slot.status.error)};
}

void SwappingModels::refuse(ModelSlot& slot, const WaitingTurn& turn, Error error) {
    ++slot.past.turns_refused;
    turn.listener->on_result(fail(std::move(error)));
}

void SwappingModels::refuse_all(ModelSlot& slot, const Error& error) {
    for (const ModelSlot::Turn& turn : std::exchange(slot.turns, {})) refuse(slot, turn.turn, error);
    for (const ModelSlot::Task& task : std::exchange(slot.tasks, {})) task.task.task(fail(error));
    slot.wanted_since_us.reset();
}

void SwappingModels::add(WaitingTurn turn) {
    const TurnRequest& request = turn.request;
    const bool may_be_new =
        request.purpose == TurnPurpose::kCreate || request.create_missing == CreateMissing::kYes;
    const auto found = slot_of({turn.model, request.agent}, may_be_new);
    if (!found) return turn.listener->on_result(fail(found.error()));
    yield();
    ModelSlot& slot = **found;
    if (slot.state == ModelState::kLoaded) {
        slot.used_at_us = clock_.monotonic_us();
        return slot.loop->add(std::move(turn));
    }
    if (refuses(slot)) return refuse(slot, turn, not_now(slot));
    slot.turns.push_back({std::move(turn), clock_.monotonic_us()});
    want(slot);
}

void SwappingModels::add(WaitingTask task) {
    const auto found = slot_of(task.wish, true);
    if (!found) return task.task(fail(found.error()));
    ModelSlot& slot = **found;
    if (slot.has_loop()) {
        slot.used_at_us = clock_.monotonic_us();
        return task.task(ModelUse{slot.memory.get(), slot.users});
    }
    if (refuses(slot)) return task.task(fail(not_now(slot)));
    if (slot.tasks.size() >= options_.waiting_tasks_max)
        return task.task(fail(ErrorCode::kUnavailable, "too many requests wait already: try again later"));
    slot.tasks.push_back({std::move(task), clock_.monotonic_us()});
    want(slot);
}

// Asked again whose they are: now it may be known.
void SwappingModels::hand_over(ModelSlot& slot) {
    slot.wanted_since_us.reset();
    for (ModelSlot::Turn& turn : std::exchange(slot.turns, {})) add(std::move(turn.turn));
    for (ModelSlot::Task& task : std::exchange(slot.tasks, {})) add(std::move(task.task));
}

void SwappingModels::expire(ModelSlot& slot) {
    const std::int64_t now_us = clock_.monotonic_us();
    const std::int64_t too_old_us = now_us - std::int64_t{models_.wait_ms_max} * 1000;
    const Error waited{ErrorCode::kUnavailable,
                       fmt::format("the model {} was not loaded in time, others are in use: try again later",
                                   printable(slot.spec.name))};
    for (auto turn = slot.turns.begin(); turn != slot.turns.end();) {
        const bool gone = turn->turn.ticket->cancelled().load();
        if (!is_over(turn->turn, now_us) && turn->since_us > too_old_us) {
            ++turn;
            continue;
        }
        refuse(slot, turn->turn,
               gone ? Error{ErrorCode::kCancelled, "cancelled while it waited for its model"} : waited);
        turn = slot.turns.erase(turn);
    }
    for (auto task = slot.tasks.begin(); task != slot.tasks.end();) {
        if (task->since_us > too_old_us) {
            ++task;
            continue;
        }
        task->task.task(fail(waited));
        task = slot.tasks.erase(task);
    }
}

void SwappingModels::round() {
    if (auto outcome = loader_.take()) {
        settle(std::move(*outcome));
        publish();  // before anybody is answered by it
    }
    for (ModelSlot& slot : slots_) {
        if (slot.has_loop()) {
            if (!slot.is_unused()) slot.used_at_us = clock_.monotonic_us();
            slot.loop->round();
        }
        expire(slot);
    }
    finish_leaving();
    unload_unused();
    if (room_for_ != nullptr) make_room();
    load_next();
    if (idle()) work_where_nobody_waits();
    publish();
}

void SwappingModels::work_where_nobody_waits() {
    for (ModelSlot& slot : slots_) {
        if (slot.state == ModelState::kLoaded && slot.loop->has_idle_work()) return slot.loop->idle_step();
    }
}

void SwappingModels::yield() {
    for (ModelSlot& slot : slots_) {
        if (slot.has_loop()) slot.loop->pause_idle_work();
    }
}

bool SwappingModels::idle() const {
    return std::all_of(slots_.begin(), slots_.end(), [](const ModelSlot& slot) {
        return !slot.is_awaited() && (!slot.has_loop() || slot.loop->idle());
    });
}

WorkState SwappingModels::state() const {
    bool pending = room_for_ != nullptr || memory_asked_;
    bool idle_work = false;
    for (const ModelSlot& slot : slots_) {
        if (slot.has_loop() && slot.loop->active() > 0) return WorkState::kRunning;
        idle_work = idle_work || (slot.state == ModelState::kLoaded && slot.loop->has_idle_work() && idle());
        const bool to_load = slot.wanted_since_us && slot.state == ModelState::kUnloaded;
        pending = pending || to_load || slot.is_awaited() || slot.state == ModelState::kLeaving ||
                  (slot.has_loop() && !slot.loop->idle());
    }
    if (idle_work) return WorkState::kRunning;
    return pending ? WorkState::kPending : WorkState::kIdle;
}

std::size_t SwappingModels::waiting() const {
    std::size_t count = 0;
    for (const ModelSlot& slot : slots_)
        count += slot.turns.size() + (slot.has_loop() ? slot.loop->waiting() : 0);
    return count;
}

std::optional<std::int64_t> SwappingModels::due_us() const {
    std::optional<std::int64_t> due;
    const auto note = [&](std::int64_t at_us) { due = std::min(due.value_or(at_us), at_us); };
    for (const ModelSlot& slot : slots_) {
        if (slot.state != ModelState::kLoaded) continue;
        const std::int64_t idle_us = std::int64_t{models_.idle_ms} * 1000;
        if (idle_us > 0 && slot.is_unused()) note(std::max(slot.used_at_us + idle_us, slot.leave_at_us));
        const std::int64_t stays_until_us = slot.loaded_at_us + std::int64_t{models_.stay_ms} * 1000;
        if (room_for_ != nullptr && stays_until_us > clock_.monotonic_us()) note(stays_until_us);
    }
    return due;
}

void SwappingModels::cancel_all() {
    ending_ = true;
    loader_.cancel();
    for (ModelSlot& slot : slots_) {
        refuse_all(slot, not_now(slot));
        if (slot.has_loop()) slot.loop->cancel_all();
    }
}

void SwappingModels::publish() {
    std::vector<ModelStatus> statuses;
    for (ModelSlot& slot : slots_) {
        slot.status.state = slot.state;
        slot.status.stats = slot.past;
        slot.status.retry_at_us = slot.retry_at_us;
        if (slot.has_loop()) kvasir::add(slot.status.stats, slot.loop->stats());
        slot.status.stats.turns_waiting += static_cast<std::uint32_t>(slot.turns.size());
        statuses.push_back(slot.status);
    }
    const std::lock_guard lock(mutex_);
    published_ = std::move(statuses);
}

std::vector<ModelStatus> SwappingModels::models() const {
    const std::lock_guard lock(mutex_);
    return published_;
}

SchedulerStats SwappingModels::stats() const {
    SchedulerStats sum;
    for (const ModelStatus& status : models()) kvasir::add(sum, status.stats);
    return sum;
}

std::unique_ptr<EngineWork> swapping_models(const SchedulerOptions& options, const ModelsOptions& models,
                                            const MemoryOptions& memory, Store& store, const Clock& clock,
                                            std::function<void()> wake) {
    return std::make_unique<SwappingModels>(options, models, memory, store, clock, std::move(wake));
}

}  // namespace kvasir
