// Writes block files on a thread of its own, so that whoever has rows to keep does not wait for checksums and
// the disk. In the order in which they are asked for.
//
// Owned by Store. begin() and finish() are the engine thread's; the thread starts with the first file and
// ends with this, when all that were begun are written.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "store/block_files.h"

namespace kvasir {

// One file that is being written.
class BlockWrite {
  public:
    BlockWrite(BlockSpec spec, SharedImage image) : spec_(std::move(spec)), image_(std::move(image)) {}

    std::uint64_t image_bytes() const { return image_bytes_; }
    bool finished() const;
    // Until it is finished, but not longer than that.
    void wait(std::chrono::milliseconds most) const;

  private:
    friend class BlockWriter;
    BlockSpec spec_;     // the writing thread's, until it is finished
    SharedImage image_;  // likewise; nothing afterwards
    const std::uint64_t image_bytes_ = image_->size();
    mutable std::mutex mutex_;
    mutable std::condition_variable done_;
    std::optional<Result<StoredBlock>> outcome_;
};

class BlockWriter {
  public:
    // Files in the layout of `files`, which outlives this.
    explicit BlockWriter(BlockFiles& files) : files_(files) {}
    ~BlockWriter();
    BlockWriter(const BlockWriter&) = delete;
    BlockWriter& operator=(const BlockWriter&) = delete;

    // As BlockFiles::write(). Whoever begins one, or shares it, finishes it, whatever becomes of what it was
    // for.
    std::shared_ptr<BlockWrite> begin(BlockSpec spec, SharedImage image);
    // Waits for its end. Once for each who has it.
    Result<StoredBlock> finish(BlockWrite& write);

  private:
    void serve();
    void write_one(BlockWrite& write);

    BlockFiles& files_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<BlockWrite>> waiting_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace kvasir
