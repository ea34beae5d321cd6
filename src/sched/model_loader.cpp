#include "sched/model_loader.h"

#include <utility>

namespace kvasir {

ModelLoader::ModelLoader(ModelSource source, const Clock& clock, std::function<void()> on_done)
    : source_(std::move(source)), clock_(clock), on_done_(std::move(on_done)) {
    thread_ = std::thread([this] { work(); });
}

ModelLoader::~ModelLoader() {
    cancel();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

bool ModelLoader::busy() const {
    const std::lock_guard lock(mutex_);
    return working_ || order_ || outcome_;
}

void ModelLoader::start(LoadOrder order) {
    const std::lock_guard lock(mutex_);
    order_ = std::move(order);
    changed_.notify_all();
}

std::optional<LoadOutcome> ModelLoader::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcome_, std::nullopt);
}

LoadOutcome ModelLoader::load(const LoadOrder& order) const {
    LoadOutcome outcome;
    outcome.slot = order.slot;
    if (order.depth == LoadOrder::Depth::kOpen) {
        auto engine = source_.open(order.spec, order.free_bytes, cancelled_);
        if (engine) {
            outcome.engine = std::move(*engine);
            return outcome;
        }
        outcome.error = engine.error();
        if (engine.error().code != ErrorCode::kOutOfMemory) return outcome;
    }
    const Status fits = source_.check(order.spec, order.total_bytes);
    outcome.error = fits ? std::nullopt : std::optional<Error>(fits.error());
    return outcome;
}

void ModelLoader::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return order_ || stopping_; });
        if (stopping_) return;
        const LoadOrder order = *std::exchange(order_, std::nullopt);
        working_ = true;
        lock.unlock();
        const std::int64_t begin_us = clock_.monotonic_us();
        LoadOutcome outcome = load(order);
        outcome.ms = static_cast<double>(clock_.monotonic_us() - begin_us) / 1000;
        lock.lock();
        working_ = false;
        outcome_ = std::move(outcome);
        lock.unlock();
        on_done_();
        lock.lock();
    }
}

}  // namespace kvasir
