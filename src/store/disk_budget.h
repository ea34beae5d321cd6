// What may still be written: two watermarks of free space, a budget for KV, and a reserve file that keeps
// turns committing on a full disk. Past the first watermark no KV is written; past the second no turn starts.
//
// Owned by Store, one thread at a time. The file system must outlive it. It deletes and makes the reserve
// file, nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/file_system.h"
#include "base/result.h"

namespace kvasir {

struct DiskBudgetOptions {
    std::string root;
    std::uint64_t budget_bytes = 0;    // for all KV files together
    std::uint64_t free_bytes_min = 0;  // first watermark
    std::uint64_t reserve_bytes = 0;
};

// Bytes that somebody is about to write count as used while this lives. Engine thread.
class DiskReservation {
  public:
    DiskReservation() = default;
    DiskReservation(std::shared_ptr<std::uint64_t> reserved, std::uint64_t bytes)
        : reserved_(std::move(reserved)), bytes_(bytes) {
        *reserved_ += bytes_;
    }
    ~DiskReservation() { release(); }
    DiskReservation(DiskReservation&& other) noexcept
        : reserved_(std::move(other.reserved_)), bytes_(std::exchange(other.bytes_, 0)) {}
    DiskReservation& operator=(DiskReservation&& other) noexcept {
        if (this == &other) return *this;
        release();
        reserved_ = std::move(other.reserved_);
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }
    DiskReservation(const DiskReservation&) = delete;
    DiskReservation& operator=(const DiskReservation&) = delete;

  private:
    void release() {
        if (reserved_) *reserved_ -= bytes_;
        reserved_.reset();
    }

    std::shared_ptr<std::uint64_t> reserved_;
    std::uint64_t bytes_ = 0;
};

class DiskBudget {
  public:
    DiskBudget(DiskBudgetOptions options, FileSystem& file_system);

    // Makes the reserve file unless one of the right size is there. kNoSpace says what it needs and what is
    // free.
    Status make_reserve();

    // May that many bytes of KV be written besides the `used_bytes` that are there and those that are
    // reserved?
    Status admit_kv(std::uint64_t bytes, std::uint64_t used_bytes);
    Result<DiskReservation> reserve_kv(std::uint64_t bytes, std::uint64_t used_bytes);
    // How much must go before that many can be written.
    Result<std::uint64_t> missing_bytes(std::uint64_t bytes, std::uint64_t used_bytes);
    std::uint64_t reserved_bytes() const { return *reserved_; }
    // May a turn start? Gives up the reserve when nothing else is left, and takes it back when there is space
    // again.
    Status admit_turn();
    // Gives up the reserve, too, when nothing else is left: whoever erases makes room. Refuses nothing.
    Status make_room_to_erase();

    std::uint64_t budget_bytes() const { return options_.budget_bytes; }
    std::uint64_t reserve_bytes() const { return reserve_bytes_; }  // 0 while it is given up

  private:
    std::uint64_t turn_bytes_min() const;  // second watermark
    Status give_up_reserve(std::uint64_t free_bytes);
    void restore_reserve(std::uint64_t free_bytes);

    DiskBudgetOptions options_;
    FileSystem& file_system_;
    std::uint64_t reserve_bytes_ = 0;
    std::shared_ptr<std::uint64_t> reserved_ = std::make_shared<std::uint64_t>(0);
};

// 1.5 GB, 64 MB, 12 KB, 7 B: decimal, for messages.
std::string readable_bytes(std::uint64_t bytes);

}  // namespace kvasir
