#include "base/workers.h"

#include <algorithm>

namespace kvasir {

namespace {

void run_alone(std::size_t parts, const std::function<void(std::size_t)>& part) {
    for (std::size_t i = 0; i < parts; ++i) part(i);
}

}  // namespace

Workers::~Workers() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

Workers& Workers::shared() {
    static Workers workers(
        std::min(kWorkersHelpingMax, std::max(1U, std::thread::hardware_concurrency()) - 1));
    return workers;
}

void Workers::run(std::size_t parts, const std::function<void(std::size_t)>& part) {
    const std::unique_lock mine(busy_, std::try_to_lock);
    if (parts < 2 || helping_ == 0 || !mine.owns_lock()) return run_alone(parts, part);
    std::unique_lock lock(mutex_);
    start_threads();
    part_ = &part;
    parts_ = parts;
    next_ = 0;
    finished_ = 0;
    wake_.notify_all();
    take(lock);
    done_.wait(lock, [this] { return finished_ == parts_; });
    part_ = nullptr;
    parts_ = 0;
    next_ = 0;
}

void Workers::run_bytes(std::uint64_t bytes, std::size_t parts,
                        const std::function<void(std::size_t)>& part) {
    if (bytes < 2 * kWorkPartBytes) return run_alone(parts, part);
    run(parts, part);
}

void Workers::start_threads() {
    while (threads_.size() < helping_) threads_.emplace_back([this] { help(); });
}

void Workers::take(std::unique_lock<std::mutex>& lock) {
    while (next_ < parts_) {
        const std::size_t number = next_++;
        const auto& part = *part_;
        lock.unlock();
        part(number);
        lock.lock();
        if (++finished_ == parts_) done_.notify_all();
    }
}

void Workers::help() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        take(lock);
        wake_.wait(lock, [this] { return ending_ || next_ < parts_; });
    }
}

}  // namespace kvasir
