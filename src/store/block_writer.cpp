#include "store/block_writer.h"

#include "base/background_thread.h"

namespace kvasir {

bool BlockWrite::finished() const {
    const std::lock_guard lock(mutex_);
    return outcome_.has_value();
}

void BlockWrite::wait(std::chrono::milliseconds most) const {
    std::unique_lock lock(mutex_);
    done_.wait_for(lock, most, [this] { return outcome_.has_value(); });
}

BlockWriter::~BlockWriter() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

std::shared_ptr<BlockWrite> BlockWriter::begin(BlockSpec spec, SharedImage image) {
    auto write = std::make_shared<BlockWrite>(std::move(spec), std::move(image));
    if (!thread_.joinable()) thread_ = std::thread([this] { serve(); });
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(write);
    }
    wake_.notify_one();
    return write;
}

Result<StoredBlock> BlockWriter::finish(BlockWrite& write) {
    std::unique_lock lock(write.mutex_);
    write.done_.wait(lock, [&] { return write.outcome_.has_value(); });
    files_.tell_of(*write.outcome_);
    return *write.outcome_;
}

void BlockWriter::write_one(BlockWrite& write) {
    Result<StoredBlock> outcome = files_.write_untold(write.spec_, *write.image_);
    write.image_.reset();
    const std::lock_guard lock(write.mutex_);
    write.outcome_ = std::move(outcome);
    write.done_.notify_all();
}

void BlockWriter::serve() {
    become_background_thread();
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const std::shared_ptr<BlockWrite> write = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        write_one(*write);
        lock.lock();
    }
}

}  // namespace kvasir
