// Writes the KV of a resident agent that is not stored yet: blocks in order, the catalog's references last.
// Rows that a block of the same name holds already are not written again, so a save costs the new tokens and
// one partial block.
//
// A save that cannot be done is no error: tokens are the truth. The result says why. Engine thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "memory/kv_context.h"
#include "memory/resident_agent.h"
#include "memory/row_image.h"
#include "memory/token_chain.h"

namespace kvasir {

class KvSaver {
  public:
    KvSaver(KvContext context, const Clock& clock) : context_(context), clock_(clock) {}

    SaveResult save(ResidentAgent& agent);

  private:
    // A block to write. Window rows were exported before; append rows are exported when it is their turn.
    struct Pending {
        BlockIdentity identity;
        const WindowSegment* segment = nullptr;
    };
    struct Plan {
        std::vector<Pending> pending;
        std::vector<BlockName> references;
        std::uint64_t blocks_shared = 0;
        std::uint64_t image_bytes = 0;
    };

    Status write_all(ResidentAgent& agent, SaveResult& result);
    Result<Plan> make_plan(ResidentAgent& agent, const TokenChain& chain);
    Status plan_append(const TokenChain& chain, Plan& plan);
    Status plan_windows(ResidentAgent& agent, const TokenChain& chain, Plan& plan);
    Result<std::vector<Pending>> missing_segments(const ResidentAgent& agent, const TokenChain& chain);
    Result<StoredBlock> write_block(const ResidentAgent& agent, const TokenChain& chain,
                                    const Pending& pending, SaveResult& result);
    Status write_pending(ResidentAgent& agent, const TokenChain& chain, const Plan& plan,
                         std::vector<StoredBlock>& written, SaveResult& result);
    void remove_files(const std::vector<StoredBlock>& blocks);

    KvContext context_;
    const Clock& clock_;
    std::vector<std::byte> image_;  // one buffer for all blocks
};

}  // namespace kvasir
