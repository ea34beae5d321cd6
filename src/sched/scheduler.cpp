// The thread around EngineLoop: inbox, waking, draining.
#include "sched/scheduler.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "sched/engine_loop.h"

namespace kvasir {

namespace {

constexpr auto kWakeInterval =
    std::chrono::milliseconds(200);  // for deadlines and cancellations while turns only wait

class ThreadScheduler final : public Scheduler {
  public:
    ThreadScheduler(const SchedulerOptions& options, AgentMemory& memory, const Engine& engine,
                    const Clock& clock)
        : options_(options), memory_(memory), clock_(clock), loop_(options, memory, engine, clock) {
        thread_ = std::thread([this] { serve(); });
    }
    ~ThreadScheduler() override { drain(0); }

    Result<std::shared_ptr<TurnTicket>> submit(TurnRequest request, std::shared_ptr<TurnListener> listener,
                                               const SubmitOptions& options) override;
    Status run(std::function<void(AgentMemory&)> task) override;
    SchedulerStats stats() const override;
    void drain(std::uint32_t timeout_ms) override;

  private:
    enum class State { kServing, kDraining, kStopping };

    void serve();
    void take_inbox(std::unique_lock<std::mutex>& lock, std::deque<std::function<void(AgentMemory&)>>& tasks);

    const SchedulerOptions options_;
    AgentMemory& memory_;
    const Clock& clock_;
    EngineLoop loop_;  // the engine thread's

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::condition_variable idle_;
    State state_ = State::kServing;
    std::deque<WaitingTurn> turns_;
    std::deque<std::function<void(AgentMemory&)>> tasks_;
    std::size_t waiting_in_loop_ = 0;
    bool loop_idle_ = true;
    bool cancel_all_ = false;
    std::uint64_t refused_ = 0;
    std::thread thread_;
};

Result<std::shared_ptr<TurnTicket>> ThreadScheduler::submit(TurnRequest request,
                                                            std::shared_ptr<TurnListener> listener,
                                                            const SubmitOptions& options) {
    WaitingTurn turn{std::move(request), std::move(listener), std::make_shared<TurnTicket>(), 0};
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

Status ThreadScheduler::run(std::function<void(AgentMemory&)> task) {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kStopping) return fail(ErrorCode::kUnavailable, "the server is shutting down");
    if (tasks_.size() >= options_.waiting_tasks_max)
        return fail(ErrorCode::kUnavailable, "too many requests wait already: try again later");
    tasks_.push_back(std::move(task));
    wake_.notify_one();
    return {};
}

SchedulerStats ThreadScheduler::stats() const {
    SchedulerStats stats = loop_.stats();
    const std::lock_guard lock(mutex_);
    stats.turns_waiting = static_cast<std::uint32_t>(waiting_in_loop_ + turns_.size());
    stats.turns_refused = refused_;
    return stats;
}

void ThreadScheduler::take_inbox(std::unique_lock<std::mutex>& lock,
                                 std::deque<std::function<void(AgentMemory&)>>& tasks) {
    const auto ready = [&] {
        return !turns_.empty() || !tasks_.empty() || cancel_all_ || state_ == State::kStopping;
    };
    if (loop_.idle()) {
        loop_idle_ = turns_.empty() && tasks_.empty();
        if (loop_idle_) idle_.notify_all();
        wake_.wait(lock, ready);
    } else if (loop_.stats().turns_active == 0) {
        wake_.wait_for(lock, kWakeInterval, ready);
    }
    loop_idle_ = false;
    for (WaitingTurn& turn : turns_) loop_.add(std::move(turn));
    turns_.clear();
    tasks.swap(tasks_);
    if (std::exchange(cancel_all_, false)) loop_.cancel_all();
    waiting_in_loop_ = loop_.waiting();
}

void ThreadScheduler::serve() {
    std::deque<std::function<void(AgentMemory&)>> tasks;
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            take_inbox(lock, tasks);
            if (state_ == State::kStopping && loop_.idle() && tasks.empty()) break;
        }
        for (const auto& task : tasks) task(memory_);
        tasks.clear();
        loop_.round();
        const std::lock_guard lock(mutex_);
        waiting_in_loop_ = loop_.waiting();
    }
    const auto saved = memory_.save_all();
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
    return std::make_unique<ThreadScheduler>(options, memory, engine, clock);
}

}  // namespace kvasir
