// One store directory, held by one process: lock, catalog, block files, disk accounting. No model knowledge.
//
// $KVASIR_HOME: kvasir.db, blocks/, quarantine/, reserve, lock. See docs/format.md for every byte.
// One thread at a time (the engine thread of the process, or the command's only thread).
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "store/block_files.h"
#include "store/catalog.h"

namespace kvasir {

struct StoreOptions {
    std::string root;  // made if missing, 0700
    // 0: kDiskBudgetShareOfFree of what is free at the first start, remembered.
    std::uint64_t disk_budget_bytes = 0;
    // 0: kDiskFreeBytesMin or 2 % of the disk, whichever is more. Below it no KV is written.
    std::uint64_t disk_free_bytes_min = 0;
    std::uint64_t disk_reserve_bytes = 0;  // 0: kDiskReserveBytes. Tests use small ones
    std::string sqlite_vfs;                // tests only
};

struct DiskUsage {
    std::uint64_t kv_bytes = 0;       // block and window files
    std::uint64_t catalog_bytes = 0;  // database and its WAL
    std::uint64_t budget_bytes = 0;
    std::uint64_t free_bytes = 0;
    std::uint64_t reserve_bytes = 0;
    std::uint64_t quarantined_files = 0;
};

class Store {
  public:
    // kStoreInUse, kStoreUnusable (damaged, future version), kNoSpace (not even the reserve fits), kIo
    // (read-only, ...).
    static Result<std::unique_ptr<Store>> open(const StoreOptions& options, FileSystem& file_system,
                                               const Clock& clock);
    virtual ~Store() = default;

    virtual Catalog& catalog() = 0;
    virtual BlockFiles& blocks() = 0;
    virtual const std::string& root() const = 0;

    // Asked before KV of that many bytes is written: kNoSpace past the first watermark or over the budget,
    // with one sentence.
    virtual Status admit_kv(std::uint64_t bytes) = 0;
    // Asked before a turn starts: kNoSpace past the second watermark (the reserve is all that is left).
    virtual Status admit_turn() = 0;
    // Asked before an agent is erased: on a full disk the reserve is given up for it.
    virtual Status make_room_to_erase() = 0;
    virtual Result<DiskUsage> usage() = 0;
};

}  // namespace kvasir
