// One store directory, held by one process: lock, catalog, block files, disk accounting. No model knowledge.
//
// $KVASIR_HOME: kvasir.db, blocks/, quarantine/, reserve, lock. See docs/format.md for every byte.
// One thread at a time (the engine thread of the process, or the command's only thread).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "store/block_files.h"
#include "store/block_holds.h"
#include "store/block_writer.h"
#include "store/catalog.h"
#include "store/collection_request.h"
#include "store/disk_budget.h"
#include "store/store_backup.h"
#include "store/store_check.h"
#include "store/store_health.h"

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
    std::uint64_t kv_bytes = 0;       // files of all kinds that the catalog knows
    std::uint64_t counted_bytes = 0;  // what the budget counts: those, quarantine, WAL, what nobody knows yet
    std::uint64_t reserved_bytes = 0;  // by saves that run, beside those
    std::uint64_t catalog_bytes = 0;   // database and its WAL
    std::uint64_t budget_bytes = 0;
    std::uint64_t free_bytes = 0;
    std::uint64_t reserve_bytes = 0;
    std::uint64_t quarantined_files = 0;
    std::uint64_t blocks = 0;  // files of the catalog, all kinds
    std::uint64_t agents = 0;
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
    virtual BlockWriter& writer() = 0;
    virtual const std::string& root() const = 0;

    // Whether KV of that many bytes could be written: kNoSpace past the first watermark or over the budget,
    // with one sentence.
    virtual Status admit_kv(std::uint64_t bytes) = 0;
    // The same, and the bytes count as used while the reservation lives: taken before KV is written.
    virtual Result<DiskReservation> reserve_kv(std::uint64_t bytes) = 0;
    // How much must be collected before that many can be written.
    virtual Result<std::uint64_t> missing_kv_bytes(std::uint64_t bytes) = 0;
    // What is held is not collected.
    virtual BlockHold hold(std::vector<BlockName> names) = 0;
    virtual void note_use(const BlockName& name) = 0;  // a restore used it: it is worth more
    virtual std::unique_ptr<Collection> begin_collection(const CollectionRequest& request) = 0;
    // Told of every agent that loses some of its stored KV. One listener for each owner; empty: no longer.
    virtual void on_agent_collected(const void* owner, std::function<void(AgentId)> listener) = 0;
    // A file whose row is gone. Durable when it returns.
    virtual Status remove_file(BlockKind kind, const BlockName& name) = 0;
    // The same, but a file that is held stays until some time after it is not.
    virtual Status retire_file(BlockKind kind, const BlockName& name) = 0;
    // Asked before a turn starts: kNoSpace past the second watermark (the reserve is all that is left).
    virtual Status admit_turn() = 0;
    // Asked before an agent is erased: on a full disk the reserve is given up for it.
    virtual Status make_room_to_erase() = 0;
    virtual Result<DiskUsage> usage() = 0;

    virtual StoreHealth& health() = 0;
    virtual void note_kv_refused(const Error& error) = 0;  // a save found no room, collected or not
    // Looks after what is not well: whether the disk takes writes again, and whether there is space again.
    virtual void look_after() = 0;
    // Checks and a backup of a store that is in use, in steps between other work.
    virtual std::unique_ptr<StoreCheck> begin_check(const CheckRequest& request) = 0;
    virtual std::unique_ptr<StoreBackup> begin_backup(const std::string& directory) = 0;
    // Files that no row knows are left by a process that died: gone after this, unless that was done before.
    // Whoever erases needs it: they may hold words.
    virtual Status remove_unknown_files() = 0;
};

}  // namespace kvasir
