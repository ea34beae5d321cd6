// The thread around the work: inbox, waking, draining.
#include "sched/scheduler.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "base/log.h"
#include "sched/engine_work.h"

namespace kvasir {

namespace {

constexpr auto kWakeInterval =
    std::chrono::milliseconds(200);  // for deadlines and cancellations while turns only wait

class ThreadScheduler final : public Scheduler {
  public:
    // `make_work` is given what wakes the thread.
    template <class MakeWork>
    ThreadScheduler(const SchedulerOptions& options, const Clock& clock, MakeWork make_work)
        : options_(options), clock_(clock), work_(make_work([this] { wake(); })) {
        thread_ = std::thread([this] { serve(); });
    }
    ~ThreadScheduler() override { drain(0); }

    Result<std::shared_ptr<TurnTicket>> submit(TurnRequest request, std::shared_ptr<TurnListener> listener,
                                               const SubmitOptions& options) override;
    Status run(std::function<void(AgentMemory&)> task) override;
    Status run_on(ModelWish wish, ModelTask task) override {
        return queue(WaitingTask{std::move(wish), std::move(task)});
    }
    SchedulerStats stats() const override;
    std::vector<ModelStatus> models() const override { return work_->models(); }
    void drain(std::uint32_t timeout_ms) override;

  private:
    enum class State { kServing, kDraining, kStopping };
    // With no model named any memory will do.
    using Task = std::variant<std::function<void(AgentMemory&)>, WaitingTask>;

    void wake();
    void serve();
    Status queue(Task task);
    struct Inbox {
        std::deque<WaitingTurn> turns;
        std::deque<Task> tasks;
        bool cancel_all = false;
        bool stopping = false;
    };
    Inbox take_inbox();
    void wait(std::unique_lock<std::mutex>& lock);
    void run_task(Task& task);

    const SchedulerOptions options_;
    const Clock& clock_;

    mutable std::mutex mutex_;  // guards what follows, but the work
    std::condition_variable wake_;
    std::condition_variable idle_;
    State state_ = State::kServing;
    std::deque<WaitingTurn> turns_;
    std::deque<Task> tasks_;
    std::size_t waiting_in_loop_ = 0;
    bool loop_idle_ = true;
    bool cancel_all_ = false;
    bool woken_ = true;  // the first round is nobody's to ask for
    std::uint64_t refused_ = 0;
    std::unique_ptr<EngineWork> work_;  // the engine thread's
    std::thread thread_;
};

void ThreadScheduler::wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    wake_.notify_one();
}

Result<std::shared_ptr<TurnTicket>> ThreadScheduler::submit(TurnRequest request,
                                                            std::shared_ptr<TurnListener> listener,
                                                            const SubmitOptions& options) {
    WaitingTurn turn{std::move(request), std::move(listener), std::make_shared<TurnTicket>(), 0,
                     options.model};
    if (options.timeout_ms > 0)
        turn.deadline_us = clock_.monotonic_us() + std::int64_t{options.timeout_ms} * 1000;
    const std::lock_guard lock(mutex_);
    if (state_ != State::kServing) return fail(ErrorCode::kUnavailable, "the server is shutting down");
    if (turns_.size() + waiting_in_loop_ >= options_.waiting_turns_max) {
        ++refused_;
        return fail(ErrorCode::kUnavailable, "too many requests wait already (" +
                                                 std::to_string(options_.waiting_turns_max) +
                                                 "): try again later");
    }
    std::shared_ptr<TurnTicket> ticket = turn.ticket;
    turns_.push_back(std::move(turn));
    wake_.notify_one();
    return ticket;
}

Status ThreadScheduler::queue(Task task) {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kStopping) return fail(ErrorCode::kUnavailable, "the server is shutting down");
    if (tasks_.size() >= options_.waiting_tasks_max)
        return fail(ErrorCode::kUnavailable, "too many requests wait already: try again later");
    tasks_.push_back(std::move(task));
    wake_.notify_one();
    return {};
}

Status ThreadScheduler::run(std::function<void(AgentMemory&)> task) { return queue(std::move(task)); }

SchedulerStats ThreadScheduler::stats() const {
    SchedulerStats stats = work_->stats();
    const std::lock_guard lock(mutex_);
    stats.turns_waiting = static_cast<std::uint32_t>(waiting_in_loop_ + turns_.size());
    stats.turns_refused += refused_;
    return stats;
}

void ThreadScheduler::wait(std::unique_lock<std::mutex>& lock) {
    const auto ready = [&] {
        return !turns_.empty() || !tasks_.empty() || cancel_all_ || woken_ || state_ == State::kStopping;
    };
    const WorkState state = work_->state();
    if (state == WorkState::kRunning) return;
    const auto due_us = work_->due_us();
    if (state == WorkState::kIdle && !due_us) return wake_.wait(lock, ready);
    auto most = std::chrono::microseconds::max();
    if (state == WorkState::kPending) most = kWakeInterval;
    if (due_us) {
        const std::int64_t left_us = std::max<std::int64_t>(0, *due_us - clock_.monotonic_us());
        most = std::min(most, std::chrono::microseconds(left_us));
    }
    wake_.wait_for(lock, most, ready);
}

ThreadScheduler::Inbox ThreadScheduler::take_inbox() {
    std::unique_lock lock(mutex_);
    loop_idle_ = work_->idle() && turns_.empty() && tasks_.empty();
    if (loop_idle_) idle_.notify_all();
    wait(lock);
    loop_idle_ = false;
    woken_ = false;
    Inbox inbox{std::exchange(turns_, {}), std::exchange(tasks_, {}), std::exchange(cancel_all_, false),
                state_ == State::kStopping};
    waiting_in_loop_ = work_->waiting() + inbox.turns.size();
    return inbox;
}

void ThreadScheduler::run_task(Task& task) {
    if (auto* any = std::get_if<std::function<void(AgentMemory&)>>(&task)) return (*any)(work_->memory());
    work_->add(std::move(std::get<WaitingTask>(task)));
}

void ThreadScheduler::serve() {
    for (;;) {
        Inbox inbox = take_inbox();
        for (WaitingTurn& turn : inbox.turns) work_->add(std::move(turn));
        if (inbox.cancel_all) work_->cancel_all();
        if (inbox.stopping && work_->idle() && inbox.tasks.empty()) break;
        if (!inbox.tasks.empty()) work_->yield();
        for (Task& task : inbox.tasks) run_task(task);
        work_->round();
        const std::lock_guard lock(mutex_);
        waiting_in_loop_ = work_->waiting();
    }
    const auto saved = work_->memory().save_all();
    if (!saved) log(LogLevel::kWarning, "kv_not_saved_at_the_end", saved.error().message);
}

void ThreadScheduler::drain(std::uint32_t timeout_ms) {
    if (!thread_.joinable()) return;
    {
        std::unique_lock lock(mutex_);
        state_ = State::kDraining;
        idle_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                       [&] { return loop_idle_ && turns_.empty(); });
        cancel_all_ = true;
        state_ = State::kStopping;
        wake_.notify_one();
    }
    thread_.join();
}

}  // namespace

std::unique_ptr<Scheduler> Scheduler::start(const SchedulerOptions& options, AgentMemory& memory,
                                            const Engine& engine, const Clock& clock) {
    return std::make_unique<ThreadScheduler>(options, clock, [&](const std::function<void()>&) {
        return fixed_model(options, memory, engine, clock);
    });
}

std::unique_ptr<Scheduler> Scheduler::start(const SchedulerOptions& options, const ModelsOptions& models,
                                            const MemoryOptions& memory, Store& store, const Clock& clock) {
    return std::make_unique<ThreadScheduler>(options, clock, [&](std::function<void()> wake) {
        return swapping_models(options, models, memory, store, clock, std::move(wake));
    });
}

}  // namespace kvasir
