// StoreCheck on a directory store: shard by shard (the first two characters of a name), block by block. What
// is written meanwhile is held or known by the time that its shard is listed; what goes meanwhile is no
// finding. Made by Store::begin_check(); engine thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "base/file_system.h"
#include "store/block_files.h"
#include "store/block_holds.h"
#include "store/catalog_sqlite.h"
#include "store/store_check.h"
#include "store/store_health.h"

namespace kvasir {

struct CheckContext {
    FileSystem& file_system;
    SqliteCatalog& catalog;
    BlockFiles& files;
    const BlockHolds& holds;
    StoreHealth& health;
    std::string root;
    std::function<void()> on_all_files_known;  // repaired to the end: no file without a row is left
};

class CheckRun final : public StoreCheck {
  public:
    CheckRun(CheckContext context, CheckRequest request) : context_(std::move(context)), request_(request) {}

    Status step() override;
    bool done() const override { return stage_ == Stage::kDone; }
    const CheckReport& report() const override { return report_; }

  private:
    enum class Stage { kCatalog, kShards, kBlocks, kQuarantine, kDone };

    Status advance();
    Status check_catalog();
    Status list_shard();
    Status check_next_block();
    Status check_block(const CatalogBlock& block);
    Status note_missing(const StoredBlock& block);
    Status note_damaged(const StoredBlock& block, const std::string& reason);
    Status note_unknown(const BlockFileFound& file);
    Status count_quarantine();
    void add_finding(const std::string& file, const std::string& what);
    std::string relative(BlockKind kind, const BlockName& name) const;

    CheckContext context_;
    CheckRequest request_;
    Stage stage_ = Stage::kCatalog;
    unsigned shard_ = 0;
    std::deque<CatalogBlock> blocks_;             // of the shard, still to be looked at
    std::map<std::string, std::uint64_t> sizes_;  // of the shard's files, by path
    CheckReport report_;
};

}  // namespace kvasir
