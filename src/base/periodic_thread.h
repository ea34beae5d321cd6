// Calls a function over and over on a thread of its own, with a pause between, until it is destroyed.
//
// A member of whoever owns the function's data, declared last, so that the thread ends before the data does.
// start() once, by the owner. The function must not throw, nor outlast what the owner's destructor may wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace kvasir {

enum class FirstCall { kAtOnce, kAfterPause };

class PeriodicThread {
  public:
    PeriodicThread() = default;
    ~PeriodicThread();
    PeriodicThread(const PeriodicThread&) = delete;
    PeriodicThread& operator=(const PeriodicThread&) = delete;

    void start(std::chrono::milliseconds pause, FirstCall first, std::function<void()> call);
    // No call begins after it, and none is running. Before start(), or again: nothing happens.
    void stop();

  private:
    void run(std::chrono::milliseconds pause, FirstCall first, const std::function<void()>& call);

    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace kvasir
