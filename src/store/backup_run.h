// StoreBackup of a directory store. It is written into <directory>.partial, which is renamed when everything
// is durable: a backup is whole or not there. Made by Store::begin_backup(); engine thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "store/block_files.h"
#include "store/catalog_sqlite.h"
#include "store/store_backup.h"

namespace kvasir {

struct BackupContext {
    FileSystem& file_system;
    SqliteCatalog& catalog;
    BlockFiles& files;
};

class BackupRun final : public StoreBackup {
  public:
    BackupRun(BackupContext context, std::string directory);

    Status step() override;
    bool done() const override { return stage_ == Stage::kDone; }
    const BackupReport& report() const override { return report_; }

  private:
    enum class Stage { kBegin, kShards, kBlocks, kCatalogBegin, kCatalog, kTrim, kFinish, kDone };

    Status advance();
    Status begin();
    Status next_shard();
    Status copy_next_block();
    Status begin_catalog();
    Status copy_catalog();
    Status trim();
    Status finish();

    BackupContext context_;
    std::string partial_;
    BlockFiles copies_;
    BackupReport report_;
    Stage stage_ = Stage::kBegin;
    unsigned shard_ = 0;
    std::deque<CatalogBlock> blocks_;
    std::set<std::string> directories_;  // to be synced
    std::map<BlockName, BlockKind> copied_;
    std::vector<std::byte> bytes_;
};

}  // namespace kvasir
