#include "server/rewarmer.h"

#include <deque>
#include <mutex>
#include <utility>

namespace kvasir {

// Shared with the tasks and turns that it asks for, which may outlive the server's part of it.
class RewarmRun : public TurnListener, public std::enable_shared_from_this<RewarmRun> {
  public:
    explicit RewarmRun(Scheduler& scheduler) : scheduler_(scheduler) {}

    Status start() {
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(status_.running, true)) return {};
            status_.report = {};
            status_.current.clear();
        }
        Status queued = scheduler_.run([self = shared_from_this()](AgentMemory& memory) {
            auto names = memory.names_by_heat();
            if (!names) return self->end(names.error().message);
            self->names_.assign(std::make_move_iterator(names->begin()),
                                std::make_move_iterator(names->end()));
            self->look_at_next(memory);
        });
        if (!queued) end({});
        return queued;
    }
    RewarmStatus status() const {
        const std::lock_guard lock(mutex_);
        return status_;
    }

    void on_piece(const AnswerPiece& /*piece*/) override {}
    // On the engine thread, in the middle of a step: what follows is a task of its own.
    void on_result(const Result<TurnResult>& result) override {
        note(result);
        run([self = shared_from_this()](AgentMemory& memory) {
            const Status ended = memory.end_rewarm(self->candidate_);
            if (!ended) self->note_failure(ended.error());
            self->look_at_next(memory);
        });
    }

  private:
    void run(std::function<void(AgentMemory&)> task) {
        const Status queued = scheduler_.run(std::move(task));
        if (!queued) end(queued.error().message);
    }
    // One agent a task: it reads a conversation.
    void look_at_next(AgentMemory& memory) {
        if (names_.empty()) return end({});
        const std::string name = std::move(names_.front());
        names_.pop_front();
        auto candidate = memory.rewarm_candidate(name);
        if (!candidate || candidate->tokens_to_read == 0)
            return run([self = shared_from_this()](AgentMemory& again) { self->look_at_next(again); });
        candidate_ = std::move(*candidate);
        {
            const std::lock_guard lock(mutex_);
            status_.current = name;
            ++status_.report.agents;
        }
        TurnRequest request;
        request.agent = name;
        request.purpose = TurnPurpose::kLoad;
        const auto ticket = scheduler_.submit(std::move(request), shared_from_this(), {});
        if (!ticket) end(ticket.error().message);
    }
    void note(const Result<TurnResult>& result) {
        if (!result) return note_failure(result.error());
        const std::lock_guard lock(mutex_);
        status_.report.tokens_read += result->metrics.evaluated_tokens;
        status_.report.prefill_ms += result->metrics.prefill_ms;
    }
    void note_failure(const Error& error) {
        const std::lock_guard lock(mutex_);
        ++status_.report.failed;
        status_.report.last_error = candidate_.name + ": " + error.message;
    }
    void end(const std::string& why) {
        const std::lock_guard lock(mutex_);
        status_.running = false;
        status_.current.clear();
        if (!why.empty()) status_.report.last_error = why;
    }

    Scheduler& scheduler_;
    mutable std::mutex mutex_;
    RewarmStatus status_;
    std::deque<std::string> names_;  // the engine thread's
    RewarmCandidate candidate_;      // the same
};

Rewarmer::Rewarmer(Scheduler& scheduler) : run_(std::make_shared<RewarmRun>(scheduler)) {}

Status Rewarmer::start() const { return run_->start(); }

RewarmStatus Rewarmer::status() const { return run_->status(); }

}  // namespace kvasir
