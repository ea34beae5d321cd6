// An agent's stored state against a cold reading of the same tokens, in steps, so that turns of others go on
// meanwhile. Made by AgentMemory and used on the engine thread, where it is also dropped, before the memory
// goes; dropped early, it leaves nothing behind. There is one at a time of one model.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/tokens.h"

namespace kvasir {

inline constexpr std::uint32_t kVerifyChunkTokens = 256;  // read in one step while turns run

struct VerifyReport {
    Position tokens = 0;
    Position restored_tokens = 0;  // from disk; the rest was read
    bool good = false;
    bool identical = false;   // logits, to the bit
    bool same_token = false;  // the likeliest next one
    double deviation = 0;     // of logits: root mean square, as a share of their spread
    double restore_ms = 0;
    double prefill_ms = 0;
    std::string warning;
};

class AgentVerify {
  public:
    virtual ~AgentVerify() = default;
    // Writes or brings back one block, or reads one chunk. An error ends it.
    virtual Status step() = 0;
    virtual bool done() const = 0;
    virtual const VerifyReport& report() const = 0;  // when done
};

}  // namespace kvasir
