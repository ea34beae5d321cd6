// Store on a directory: what is behind Store::open(). See store.h for the contract.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/catalog_sqlite.h"
#include "store/collect_run.h"
#include "store/disk_budget.h"
#include "store/store.h"
#include "store/store_health.h"

namespace kvasir {

// What a store is made of. The lock goes last.
struct StoreParts {
    std::string root;
    FileSystem& file_system;
    const Clock& clock;
    std::unique_ptr<FileLock> lock;
    std::unique_ptr<SqliteCatalog> catalog;
    DiskBudget budget;
};

class DirectoryStore final : public Store {
  public:
    explicit DirectoryStore(StoreParts parts);

    Catalog& catalog() override { return *catalog_; }
    BlockFiles& blocks() override { return blocks_; }
    BlockWriter& writer() override { return writer_; }
    const std::string& root() const override { return root_; }

    Status admit_kv(std::uint64_t bytes) override;
    Result<DiskReservation> reserve_kv(std::uint64_t bytes) override;
    Result<std::uint64_t> missing_kv_bytes(std::uint64_t bytes) override;
    BlockHold hold(std::vector<BlockName> names) override { return holds_.hold(std::move(names)); }
    void note_use(const BlockName& name) override { catalog_->note_use(name, clock_.unix_ms()); }
    std::unique_ptr<Collection> begin_collection(const CollectionRequest& request) override;
    void on_agent_collected(const void* owner, std::function<void(AgentId)> listener) override {
        if (listener)
            collection_listeners_[owner] = std::move(listener);
        else
            collection_listeners_.erase(owner);
    }
    Status remove_file(BlockKind kind, const BlockName& name) override;
    Status retire_file(BlockKind kind, const BlockName& name) override;
    Status admit_turn() override;
    Status make_room_to_erase() override { return budget_.make_room_to_erase(); }
    Result<DiskUsage> usage() override;

    StoreHealth& health() override { return health_; }
    void note_kv_refused(const Error& error) override;
    void look_after() override;
    std::unique_ptr<StoreCheck> begin_check(const CheckRequest& request) override;
    std::unique_ptr<StoreBackup> begin_backup(const std::string& directory) override;
    Status remove_unknown_files() override;

    // Layout, and files that a process before us dropped from the catalog but did not come to remove.
    Status prepare();

  private:
    Result<std::uint64_t> size_or_zero(const std::string& path);
    struct Counted {
        CatalogTotals totals;
        std::vector<FileInfo> quarantined;
        std::uint64_t log_bytes = 0;
        std::uint64_t bytes = 0;  // what the budget counts, without reservations
    };
    Result<Counted> count();
    Result<std::uint64_t> counted_bytes();
    std::uint64_t log_bytes_expected() const;
    Status shrink_log();
    Status check_blocks_may_be_written() const;
    enum class Held { kStay, kGo };
    void remove_retired(Held held = Held::kStay);
    void probe_blocks();
    void probe_catalog();

    std::string root_;
    FileSystem& file_system_;
    const Clock& clock_;
    std::unique_ptr<FileLock> lock_;  // outlives the catalog: let go last
    std::unique_ptr<SqliteCatalog> catalog_;
    BlockFiles blocks_;
    BlockWriter writer_{blocks_};
    DiskBudget budget_;
    BlockHolds holds_;
    std::vector<BlockFileName> retired_;  // still held when their rows went
    VictimQueue victims_;
    std::map<const void*, std::function<void(AgentId)>> collection_listeners_;
    const std::function<void(AgentId)> on_agent_collected_ = [this](AgentId agent) {
        for (const auto& [owner, listener] : collection_listeners_) listener(agent);
    };
    StoreHealth health_;
    std::uint64_t unknown_bytes_ = 0;  // of files that were there at the start and that no row knows
    bool all_files_known_ = false;
};

}  // namespace kvasir
