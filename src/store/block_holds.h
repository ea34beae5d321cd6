// Blocks that somebody is about to read or to refer to: collection leaves them alone while the hold lives,
// and files that no row needs any more stay as long. Owned by Store, which a hold must not outlive. Taken on
// the engine thread, given back on any.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "store/block.h"

namespace kvasir {

class BlockHolds;

class BlockHold {
  public:
    BlockHold() = default;
    BlockHold(BlockHolds& holds, std::vector<BlockName> names);
    ~BlockHold() { release(); }
    BlockHold(BlockHold&& other) noexcept
        : holds_(std::exchange(other.holds_, nullptr)), names_(std::move(other.names_)) {}
    BlockHold& operator=(BlockHold&& other) noexcept {
        if (this == &other) return *this;
        release();
        holds_ = std::exchange(other.holds_, nullptr);
        names_ = std::move(other.names_);
        return *this;
    }
    BlockHold(const BlockHold&) = delete;
    BlockHold& operator=(const BlockHold&) = delete;
    void release();

  private:
    BlockHolds* holds_ = nullptr;
    std::vector<BlockName> names_;
};

class BlockHolds {
  public:
    bool contains(const BlockName& name) const {
        const std::lock_guard lock(mutex_);
        return counts_.contains(name);
    }
    BlockHold hold(std::vector<BlockName> names) { return {*this, std::move(names)}; }

  private:
    friend class BlockHold;
    mutable std::mutex mutex_;
    std::map<BlockName, std::size_t> counts_;
};

inline BlockHold::BlockHold(BlockHolds& holds, std::vector<BlockName> names)
    : holds_(&holds), names_(std::move(names)) {
    const std::lock_guard lock(holds_->mutex_);
    for (const BlockName& name : names_) ++holds_->counts_[name];
}

inline void BlockHold::release() {
    if (holds_ == nullptr) return;
    {
        const std::lock_guard lock(holds_->mutex_);
        for (const BlockName& name : names_) {
            const auto held = holds_->counts_.find(name);
            if (--held->second == 0) holds_->counts_.erase(held);
        }
    }
    holds_ = nullptr;
    names_.clear();
}

}  // namespace kvasir
