#include "sched/engine_loop.h"

#include <algorithm>
#include <utility>

namespace kvasir {

namespace {

constexpr double kNewestTurnShare = 0.2;  // of the mean duration of turns

bool runs(const TurnRun& run) {
    return run.stage() == TurnStage::kPrefill || run.stage() == TurnStage::kDecode;
}

// Nobody else can have them: it needs them, or copies them for its save.
bool has_cells(const TurnRun& run) {
    return runs(run) || run.stage() == TurnStage::kRestore ||
           (run.stage() == TurnStage::kAnswered && run.has_place());
}

TurnNeed need_of(const TurnRun& run) {
    if (run.stage() == TurnStage::kDecode) return {TurnNeed::Rows::kAnswer, 1};
    return {TurnNeed::Rows::kPrompt, run.rows_left()};
}

}  // namespace

void EngineLoop::tell(const WaitingTurn& turn, Result<TurnResult> result) {
    if (!result && result.error().code == ErrorCode::kCancelled && turn.expired) {
        result = fail(ErrorCode::kUnavailable,
                      "the server had no time for it within its --turn-timeout: try again later");
    }
    {
        const bool is_turn = turn.request.purpose == TurnPurpose::kAnswer;
        const std::lock_guard lock(stats_mutex_);
        if (result) {
            const bool durable = result->durability != Durability::kNothing;
            stats_.turns_done += is_turn && durable ? 1 : 0;
            stats_.turns_undurable += is_turn && !durable ? 1 : 0;
            stats_.prompt_tokens += result->metrics.prompt_tokens;
            stats_.reused_tokens += result->metrics.reused_tokens;
            stats_.answer_tokens += result->metrics.answer_tokens;
        } else {
            stats_.turns_failed += is_turn ? 1 : 0;
        }
    }
    turn.listener->on_result(result);
}

// Messages to one agent that we keep the conversation of go in order; whole conversations branch. What is
// asked twice under one key is done once: the second finds what the first came to.
bool EngineLoop::may_run(const WaitingTurn& turn, const std::vector<const WaitingTurn*>& before) const {
    const auto is_retry_of = [&](const WaitingTurn& other) {
        return !turn.request.idempotency_key.empty() && other.request.agent == turn.request.agent &&
               other.request.idempotency_key == turn.request.idempotency_key;
    };
    if (std::any_of(before.begin(), before.end(),
                    [&](const WaitingTurn* other) { return is_retry_of(*other); }) ||
        std::any_of(active_.begin(), active_.end(),
                    [&](const ActiveTurn& other) { return is_retry_of(other.turn); }))
        return false;
    if (turn.request.history == History::kSent) {
        // One that goes on from an answer whose save is not planned yet waits for its place: else it reads
        // anew.
        return std::none_of(active_.begin(), active_.end(), [&](const ActiveTurn& other) {
            return other.run->stage() == TurnStage::kAnswered && other.run->has_place() &&
                   other.run->is_continued_by(turn.request);
        });
    }
    const auto same = [&](const WaitingTurn& other) {
        return other.request.history == History::kStored && other.request.agent == turn.request.agent;
    };
    return std::none_of(before.begin(), before.end(),
                        [&](const WaitingTurn* other) { return same(*other); }) &&
           std::none_of(active_.begin(), active_.end(),
                        [&](const ActiveTurn& other) { return other.run->has_place() && same(other.turn); });
}

std::size_t EngineLoop::places_taken() const {
    return static_cast<std::size_t>(std::count_if(
        active_.begin(), active_.end(), [](const ActiveTurn& active) { return active.run->has_place(); }));
}

std::uint64_t EngineLoop::cells_reserved() const {
    std::uint64_t cells = 0;
    for (const ActiveTurn& active : active_) {
        if (has_cells(*active.run)) cells += active.run->cells_max();
    }
    return cells;
}

EngineLoop::Started EngineLoop::start(WaitingTurn& turn) {
    if (turn.ticket->cancelled().load()) {
        tell(turn, fail(ErrorCode::kCancelled, "cancelled while it waited"));
        return Started::kYes;
    }
    TurnRequest request = turn.request;
    request.cancelled = &turn.ticket->cancelled();
    const std::uint64_t cells = engine_.cells().append_total;
    const std::uint64_t reserved = cells_reserved() + memory_.cells_held(turn.request.agent);
    request.cells_max = cells > reserved ? cells - reserved : 0;
    TurnSinks sinks;
    sinks.on_prompt = [listener = turn.listener](const TurnMetrics& metrics) {
        listener->on_prompt(metrics);
    };
    sinks.on_piece = [listener = turn.listener](const AnswerPiece& piece) { listener->on_piece(piece); };
    sinks.on_progress = [listener = turn.listener](TurnPhase phase, Position done, Position total) {
        listener->on_progress(phase, done, total);
    };
    auto run = memory_.begin_turn(std::move(request), std::move(sinks));
    // Not for lack of room that only its own running neighbours take, or what is verified.
    const bool others_hold = !active_.empty() || memory_.cells_held({}) > 0;
    if (!run && run.error().code == ErrorCode::kUnavailable && others_hold) return Started::kNotNow;
    if (!run) {
        tell(turn, fail(run.error()));
        return Started::kYes;
    }
    ActiveTurn active;
    active.turn = std::move(turn);
    active.run = std::move(*run);
    active.begin_us = clock_.monotonic_us();
    active_.push_back(std::move(active));
    return Started::kYes;
}

void EngineLoop::start_waiting() {
    if (!may_start_) return;
    may_start_ = false;
    std::vector<const WaitingTurn*> before;
    for (auto turn = waiting_.begin(); turn != waiting_.end();) {
        const bool cancelled = turn->ticket->cancelled().load();
        if (!cancelled && places_taken() >= options_.active_turns_max) return;
        if (!cancelled && !may_run(*turn, before)) {
            before.push_back(&*turn++);
            continue;
        }
        // First come, first served: who needs more room than is left is not overtaken for ever.
        if (start(*turn) == Started::kNotNow) return;
        turn = waiting_.erase(turn);
    }
}

void EngineLoop::fill_batch() {
    std::vector<TurnNeed> needs;
    std::vector<ActiveTurn*> turns;
    for (ActiveTurn& active : active_) {
        if (!runs(*active.run)) continue;
        turns.push_back(&active);
        needs.push_back(need_of(*active.run));
    }
    const BatchLimits limits{engine_.model().batch_tokens, options_.prompt_chunk_tokens};
    rows_.clear();
    std::size_t spare = 0;  // what those before left of their rows
    for (const BatchShare& share : plan_batch(needs, limits)) {
        ActiveTurn& turn = *turns[share.turn];
        turn.first_row = rows_.size();
        turn.row_count = turn.run->add_rows(rows_, share.rows + spare);
        spare = spare + share.rows - turn.row_count;
    }
}

// The engine took none of the rows. The turn that came last goes first; alone it cannot be helped.
void EngineLoop::give_up(const Error& error) {
    auto active = active_.rbegin();
    for (; active != active_.rend(); ++active) {
        if (!runs(*active->run) || active->row_count == 0) continue;
        active->run->abandon(error);
        if (error.code == ErrorCode::kOutOfMemory) return;
    }
}

void EngineLoop::step() {
    fill_batch();
    if (rows_.empty()) return;
    const std::int64_t begin_us = clock_.monotonic_us();
    const Status evaluated = memory_.evaluate(rows_);
    {
        const std::lock_guard lock(stats_mutex_);
        ++stats_.steps;
        stats_.evaluated_tokens += evaluated ? rows_.size() : 0;
        stats_.step_ms_last = static_cast<double>(clock_.monotonic_us() - begin_us) / 1000.0;
    }
    if (!evaluated) return give_up(evaluated.error());
    for (ActiveTurn& active : active_) {
        if (runs(*active.run) && active.row_count > 0) active.run->evaluated(active.first_row);
        active.row_count = 0;
    }
}

void EngineLoop::note_duration(const ActiveTurn& turn) {
    if (!turn.run->answers() || !turn.run->result()) return;
    const double ms = static_cast<double>(clock_.monotonic_us() - turn.begin_us) / 1000.0;
    const std::lock_guard lock(stats_mutex_);
    const bool first = stats_.turn_ms_mean == 0;
    stats_.turn_ms_mean = first ? ms : stats_.turn_ms_mean + kNewestTurnShare * (ms - stats_.turn_ms_mean);
}

// Who was answered hears of it before its KV is written.
void EngineLoop::note_results() {
    for (auto active = active_.begin(); active != active_.end();) {
        const bool over = active->run->stage() == TurnStage::kDone;
        if (active->run->can_be_told()) {
            if (active->turn.listener) {
                note_duration(*active);
                tell(active->turn, active->run->result());
                may_start_ = true;  // its place may be free by now
            }
            active->turn.listener.reset();
        }
        if (over && active->run->result() && active->run->result()->read_ahead)
            idle_reads_.add(*active->run->result()->read_ahead);
        active = over ? active_.erase(active) : std::next(active);
        may_start_ = may_start_ || over;
    }
}

std::int64_t EngineLoop::slice_end_us() const {
    const bool somebody_waits =
        !waiting_.empty() || std::any_of(active_.begin(), active_.end(),
                                         [](const ActiveTurn& active) { return runs(*active.run); });
    return clock_.monotonic_us() + (somebody_waits ? options_.io_slice_us : options_.io_slice_alone_us);
}

EngineLoop::ActiveTurn* EngineLoop::first_at(TurnStage stage) {
    const auto found = std::find_if(active_.begin(), active_.end(), [&](const ActiveTurn& active) {
        return active.run->stage() == stage && !active.run->waits();
    });
    return found == active_.end() ? nullptr : &*found;
}

// Blocks of KV between two steps, for a slice of time and one at least: streams of others go on. First come,
// first served.
void EngineLoop::restore_some() {
    for (ActiveTurn& waiting : active_) {
        if (waiting.run->waits()) waiting.run->restore_some();  // looks whether it may go on
    }
    ActiveTurn* active = first_at(TurnStage::kRestore);
    if (active == nullptr) return;
    const std::int64_t end_us = slice_end_us();
    do {
        active->run->restore_some();
        if (active->run->stage() != TurnStage::kRestore || active->run->waits())
            active = first_at(TurnStage::kRestore);
    } while (active != nullptr && clock_.monotonic_us() < end_us);
}

// All that can be: the next turn of an agent may begin as soon as its save is planned, and those before it in
// line may copy for many steps.
void EngineLoop::plan_saves() {
    for (ActiveTurn& active : active_) advance_save(*active.run, &TurnRun::plan_save);
}

// Others may start once it has let its place go.
void EngineLoop::advance_save(TurnRun& run, void (TurnRun::*part)()) {
    const bool had_place = run.has_place();
    (run.*part)();
    may_start_ = may_start_ || had_place != run.has_place();
}

void EngineLoop::save_some() {
    plan_saves();
    ActiveTurn* active = first_at(TurnStage::kAnswered);
    if (active == nullptr) return wait_for_file();
    const std::int64_t end_us = slice_end_us();
    do {
        advance_save(*active->run, &TurnRun::save_some);
        if (active->run->stage() != TurnStage::kAnswered || active->run->waits())
            active = first_at(TurnStage::kAnswered);
    } while (active != nullptr && clock_.monotonic_us() < end_us);
}

// With nothing else to do: a round would find the same.
void EngineLoop::wait_for_file() {
    const auto waits = [](const ActiveTurn& active) { return active.run->waits(); };
    if (may_start_ || !std::all_of(active_.begin(), active_.end(), waits)) return;
    const auto writing = std::find_if(active_.begin(), active_.end(), [](const ActiveTurn& active) {
        return active.run->stage() == TurnStage::kAnswered;
    });
    if (writing != active_.end()) writing->run->wait_for_file();
}

void EngineLoop::expire() {
    const std::int64_t now_us = clock_.monotonic_us();
    const auto check = [&](WaitingTurn& turn) {
        if (turn.deadline_us == 0 || now_us < turn.deadline_us || turn.ticket->cancelled().load()) return;
        turn.expired = true;
        turn.ticket->cancel();
        may_start_ = true;
    };
    for (WaitingTurn& turn : waiting_) check(turn);
    for (ActiveTurn& active : active_) check(active.turn);
}

void EngineLoop::cancel_all() {
    for (WaitingTurn& turn : waiting_) turn.ticket->cancel();
    for (ActiveTurn& active : active_) active.turn.ticket->cancel();
    may_start_ = true;
    idle_reads_.forget_all();
}

void EngineLoop::idle_step() {
    idle_reads_.step();
    const std::lock_guard lock(stats_mutex_);
    idle_reads_.add_to(stats_);
}

void EngineLoop::round() {
    expire();
    // Nobody tells when something has been verified.
    may_start_ = may_start_ || (active_.empty() && !waiting_.empty() && memory_.cells_held({}) == 0);
    start_waiting();
    restore_some();
    step();
    note_results();
    save_some();
    note_results();
    const std::lock_guard lock(stats_mutex_);
    stats_.turns_waiting = static_cast<std::uint32_t>(waiting_.size());
    stats_.turns_active = static_cast<std::uint32_t>(places_taken());
    stats_.turns_active_max = options_.active_turns_max;
    idle_reads_.add_to(stats_);
}

SchedulerStats EngineLoop::stats() const {
    const std::lock_guard lock(stats_mutex_);
    return stats_;
}

}  // namespace kvasir
