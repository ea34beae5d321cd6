// What is told of agents that are read again before they are spoken to. Values.
#pragma once

#include <cstdint>
#include <string>

#include "base/tokens.h"

namespace kvasir {

// An agent that would read something again if it spoke now.
struct RewarmCandidate {
    std::string name;
    Position tokens_to_read = 0;  // 0: nothing, or it is resident
    std::int64_t last_used_unix_ms = 0;
};

// What came of reading agents again before they are spoken to.
struct RewarmReport {
    std::uint64_t agents = 0;  // that had to be read, as far as it has got
    std::uint64_t failed = 0;  // of them
    std::uint64_t tokens_read = 0;
    double prefill_ms = 0;
    std::string last_error;
};

}  // namespace kvasir
