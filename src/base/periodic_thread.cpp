#include "base/periodic_thread.h"

#include <utility>

namespace kvasir {

PeriodicThread::~PeriodicThread() { stop(); }

void PeriodicThread::start(std::chrono::milliseconds pause, FirstCall first, std::function<void()> call) {
    thread_ = std::thread([this, pause, first, call = std::move(call)] { run(pause, first, call); });
}

void PeriodicThread::stop() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        stop_.notify_all();
    }
    thread_.join();
}

void PeriodicThread::run(std::chrono::milliseconds pause, FirstCall first,
                         const std::function<void()>& call) {
    std::unique_lock lock(mutex_);
    const auto ended = [&] { return stop_.wait_for(lock, pause, [this] { return stopping_; }); };
    if (first == FirstCall::kAfterPause && ended()) return;
    while (!stopping_) {
        lock.unlock();
        call();
        lock.lock();
        if (ended()) return;
    }
}

}  // namespace kvasir
