// Makes room on the disk, a piece a step: files in quarantine first, the oldest first, then blocks as
// collection_plan.h chooses them. A row goes before its file does.
//
// Made by Store::begin_collection(); engine thread. Dropped before its end, it leaves files whose rows are
// gone: the next start removes them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "store/block_files.h"
#include "store/block_holds.h"
#include "store/catalog_sqlite.h"
#include "store/collection_plan.h"
#include "store/collection_request.h"
#include "store/store_health.h"

namespace kvasir {

// Victims that were chosen beyond what was wanted then: choosing looks at all blocks, so it is not done for
// each save anew.
struct VictimQueue {
    std::deque<Victim> victims;
    std::int64_t chosen_unix_ms = 0;
};

struct CollectContext {
    FileSystem& file_system;
    SqliteCatalog& catalog;
    BlockFiles& files;
    const BlockHolds& holds;
    const Clock& clock;
    VictimQueue& queue;
    StoreHealth& health;
    std::string root;
    std::uint64_t chosen_bytes_min = 0;                      // at once
    const std::function<void(AgentId)>& on_agent_collected;  // some of its KV is gone
};

class CollectRun final : public Collection {
  public:
    CollectRun(CollectContext context, const CollectionRequest& request)
        : context_(std::move(context)), request_(request) {}

    Status step() override;
    bool done() const override { return stage_ == Stage::kDone; }
    const CollectionResult& result() const override { return result_; }

  private:
    enum class Stage { kQuarantine, kChoose, kRows, kFiles, kDone };

    Status advance();
    Status list_quarantine();
    Status empty_quarantine();
    Status choose();
    std::vector<Victim> next_victims();
    Status drop_rows();
    Status remove_next_file();
    bool has_enough() const { return result_.bytes_freed >= request_.bytes; }

    CollectContext context_;
    CollectionRequest request_;
    Stage stage_ = Stage::kQuarantine;
    bool listed_ = false;
    bool chosen_ = false;
    std::deque<FileInfo> quarantined_;
    std::deque<StoredBlock> files_;  // without rows
    std::set<AgentId> agents_;
    CollectionResult result_;
};

}  // namespace kvasir
