#include "store/disk_budget.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "base/log.h"
#include "store/paths.h"

namespace kvasir {

namespace {

constexpr std::uint64_t kTurnBytesMin = 4ULL * 1000 * 1000;
constexpr std::size_t kChunkBytes = 1024 * 1024;

// Bytes that no file system can compress or leave out.
std::vector<std::byte> noise(std::size_t size) {
    std::mt19937_64 random(size);
    std::vector<std::byte> bytes(size);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(random() & 0xff); });
    return bytes;
}

}  // namespace

std::string readable_bytes(std::uint64_t bytes) {
    constexpr std::uint64_t kKilo = 1000;
    constexpr std::uint64_t kMega = kKilo * kKilo;
    constexpr std::uint64_t kGiga = kMega * kKilo;
    if (bytes >= kGiga)
        return fmt::format("{:.1f} GB", static_cast<double>(bytes) / static_cast<double>(kGiga));
    if (bytes >= kMega)
        return fmt::format("{:.1f} MB", static_cast<double>(bytes) / static_cast<double>(kMega));
    if (bytes >= kKilo)
        return fmt::format("{:.1f} KB", static_cast<double>(bytes) / static_cast<double>(kKilo));
    return fmt::format("{} B", bytes);
}

DiskBudget::DiskBudget(DiskBudgetOptions options, FileSystem& file_system)
    : options_(std::move(options)), file_system_(file_system) {}

// A small reserve (tests, tiny disks) must still be enough for turns once it is given up.
std::uint64_t DiskBudget::turn_bytes_min() const {
    return std::min(kTurnBytesMin, options_.reserve_bytes / 2);
}

Status DiskBudget::make_reserve() {
    const std::string path = reserve_path(options_.root);
    Result<std::uint64_t> size = file_system_.file_size(path);
    if (size && *size == options_.reserve_bytes) {
        reserve_bytes_ = *size;
        return {};
    }
    if (!size && size.error().code != ErrorCode::kNotFound) return fail(std::move(size).error());
    if (size) KVASIR_TRY(file_system_.remove(path));
    reserve_bytes_ = 0;

    KVASIR_TRY_ASSIGN(const std::uint64_t free, file_system_.free_bytes(options_.root));
    const auto refuse = [&] {
        return fail(
            ErrorCode::kNoSpace,
            fmt::format(
                "the store in {} needs {} of disk space to keep working on a full disk, {} are free: free "
                "some space, or choose another disk with --home",
                options_.root, readable_bytes(options_.reserve_bytes), readable_bytes(free)));
    };
    if (free < options_.reserve_bytes) return refuse();
    const std::vector<std::byte> chunk =
        noise(static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, options_.reserve_bytes)));
    std::vector<std::span<const std::byte>> parts;
    for (std::uint64_t left = options_.reserve_bytes; left > 0;) {
        const std::uint64_t part = std::min<std::uint64_t>(left, chunk.size());
        parts.push_back(std::span(chunk).first(static_cast<std::size_t>(part)));
        left -= part;
    }
    Status written = file_system_.write_new_synced(path, parts);
    if (!written && written.error().code == ErrorCode::kNoSpace) return refuse();
    if (!written) return written;
    reserve_bytes_ = options_.reserve_bytes;
    return file_system_.sync_directory(options_.root);
}

void DiskBudget::restore_reserve(std::uint64_t free_bytes) {
    if (reserve_bytes_ == options_.reserve_bytes) return;
    // Not at the very edge, or it would come and go with every turn.
    if (free_bytes < options_.reserve_bytes + 2 * turn_bytes_min()) return;
    const Status made = make_reserve();
    if (made) log(LogLevel::kInfo, "disk reserve restored", "bytes=" + std::to_string(reserve_bytes_));
}

Status DiskBudget::give_up_reserve(std::uint64_t free_bytes) {
    Status removed = file_system_.remove(reserve_path(options_.root));
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
    log(LogLevel::kWarning, "disk almost full, the reserve is given up",
        "free_bytes=" + std::to_string(free_bytes));
    reserve_bytes_ = 0;
    return {};
}

Status DiskBudget::admit_kv(std::uint64_t bytes, std::uint64_t used_bytes) {
    const std::uint64_t budget = options_.budget_bytes;
    const std::uint64_t left = budget > used_bytes ? budget - used_bytes : 0;
    if (left < *reserved_ || left - *reserved_ < bytes || used_bytes > budget)
        return fail(
            ErrorCode::kNoSpace,
            fmt::format("{} of memory files would exceed the store's budget: {} of {} are in use; raise "
                        "--disk-budget or remove agents",
                        readable_bytes(bytes), readable_bytes(budget - left + *reserved_),
                        readable_bytes(budget)));
    KVASIR_TRY_ASSIGN(const std::uint64_t free, file_system_.free_bytes(options_.root));
    if (free < options_.free_bytes_min || free - options_.free_bytes_min < bytes)
        return fail(
            ErrorCode::kNoSpace,
            fmt::format(
                "{} of memory files would leave the disk of {} with less than {}: {} are free; free some "
                "space or remove agents",
                readable_bytes(bytes), options_.root, readable_bytes(options_.free_bytes_min),
                readable_bytes(free)));
    restore_reserve(free);
    return {};
}

Result<DiskReservation> DiskBudget::reserve_kv(std::uint64_t bytes, std::uint64_t used_bytes) {
    KVASIR_TRY(admit_kv(bytes, used_bytes));
    return DiskReservation(reserved_, bytes);
}

Result<std::uint64_t> DiskBudget::missing_bytes(std::uint64_t bytes, std::uint64_t used_bytes) {
    KVASIR_TRY_ASSIGN(const std::uint64_t free, file_system_.free_bytes(options_.root));
    const auto beyond = [](std::uint64_t wanted, std::uint64_t there) {
        return wanted > there ? wanted - there : 0;
    };
    return std::max(beyond(used_bytes + *reserved_ + bytes, options_.budget_bytes),
                    beyond(options_.free_bytes_min + bytes, free));
}

Status DiskBudget::admit_turn() {
    KVASIR_TRY_ASSIGN(const std::uint64_t free, file_system_.free_bytes(options_.root));
    if (free >= turn_bytes_min()) {
        restore_reserve(free);
        return {};
    }
    if (reserve_bytes_ == 0)
        return fail(
            ErrorCode::kNoSpace,
            fmt::format(
                "the disk of {} is full: {} are free, a turn needs {}; nothing old is lost, free some space "
                "and speak again",
                options_.root, readable_bytes(free), readable_bytes(turn_bytes_min())));
    return give_up_reserve(free);
}

Status DiskBudget::make_room_to_erase() {
    KVASIR_TRY_ASSIGN(const std::uint64_t free, file_system_.free_bytes(options_.root));
    if (free >= turn_bytes_min() || reserve_bytes_ == 0) return {};
    return give_up_reserve(free);
}

}  // namespace kvasir
