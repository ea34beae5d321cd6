// Carries out a RestorePlan: reads blocks, which verifies them, and imports them. What fails is quarantined,
// leaves the catalog and is named, so that the caller plans anew without it. Engine thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "memory/kv_context.h"
#include "memory/restore_plan.h"

namespace kvasir {

// A block that could not be used. The sequence is empty then.
struct UnusableBlock {
    BlockName name;
    std::string reason;
};

class KvLoader {
  public:
    explicit KvLoader(KvContext context) : context_(context) {}

    // Into an empty sequence. nullopt: it holds rows [0, plan.position) now. kOutOfMemory: no cells for them;
    // empty then.
    Result<std::optional<UnusableBlock>> load(SequenceId sequence, const RestorePlan& plan,
                                              const std::function<void(Position done)>& on_progress);

  private:
    Status import_block(SequenceId sequence, const PlannedBlock& planned);
    UnusableBlock give_up(const StoredBlock& block, const Error& error);

    KvContext context_;
    std::vector<std::byte> image_;  // one buffer for all blocks
    std::vector<std::byte> slice_;
};

}  // namespace kvasir
