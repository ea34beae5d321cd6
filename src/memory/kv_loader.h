// Reads stored blocks, which verifies them, and imports them: rows part by part, each verified and moved
// while it is in the cache of a core. What fails is quarantined, leaves the catalog and is named, so that the
// caller plans anew without it. Engine thread.
#pragma once

#include <string>
#include <vector>

#include "memory/kv_context.h"
#include "memory/restore_plan.h"

namespace kvasir {

// A block that could not be used.
struct UnusableBlock {
    BlockName name;
    std::string reason;
};

class KvLoader {
  public:
    explicit KvLoader(KvContext context) : context_(context) {}

    // The next rows of the sequence, or its state. kOutOfMemory: no cells for them; any error but that: see
    // give_up(). The sequence is empty after an error.
    Status import_block(SequenceId sequence, const PlannedBlock& planned);
    // What to do with a block that could not be imported.
    UnusableBlock give_up(const StoredBlock& block, const Error& error);

  private:
    KvContext context_;
    std::vector<std::byte> state_;  // one buffer for all that are read
};

}  // namespace kvasir
