// A listener that a test waits for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "sched/scheduler.h"

namespace kvasir::test {

class WaitingListener final : public TurnListener {
  public:
    std::function<void(const std::string& shown)> on_text;  // engine thread

    void on_piece(const AnswerPiece& piece) override {
        const std::lock_guard lock(mutex_);
        shown_ += piece.content;
        changed_.notify_all();
        if (on_text) on_text(shown_);
    }
    void on_result(const Result<TurnResult>& result) override {
        const std::lock_guard lock(mutex_);
        result_ = result;
        changed_.notify_all();
    }
    Result<TurnResult> wait() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return result_.has_value(); }))
            return fail(ErrorCode::kUnavailable, "the test waited for 60 s");
        return *result_;
    }
    bool wait_for_text() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return !shown_.empty() || result_; });
    }
    bool over() const {
        const std::lock_guard lock(mutex_);
        return result_.has_value();
    }
    std::string shown() const {
        const std::lock_guard lock(mutex_);
        return shown_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string shown_;
    std::optional<Result<TurnResult>> result_;
};

}  // namespace kvasir::test
