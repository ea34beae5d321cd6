// Blocks that somebody is about to read or to refer to: collection leaves them alone while the hold lives.
// Owned by Store; engine thread. A hold may outlive neither.
#pragma once

#include <map>
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
    bool contains(const BlockName& name) const { return counts_.contains(name); }
    BlockHold hold(std::vector<BlockName> names) { return {*this, std::move(names)}; }

  private:
    friend class BlockHold;
    std::map<BlockName, std::size_t> counts_;
};

inline BlockHold::BlockHold(BlockHolds& holds, std::vector<BlockName> names)
    : holds_(&holds), names_(std::move(names)) {
    for (const BlockName& name : names_) ++holds_->counts_[name];
}

inline void BlockHold::release() {
    if (holds_ == nullptr) return;
    for (const BlockName& name : names_) {
        const auto held = holds_->counts_.find(name);
        if (--held->second == 0) holds_->counts_.erase(held);
    }
    holds_ = nullptr;
    names_.clear();
}

}  // namespace kvasir
