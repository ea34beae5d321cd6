// Tokens and positions, the coordinates that every layer shares. Values only, thread-safe.
#pragma once

#include <cstdint>

namespace kvasir {

using Token = std::int32_t;
// A position in a sequence, 0-based. As a count it means "the first n tokens".
using Position = std::uint32_t;

// Half-open range of positions [begin, end).
struct TokenRange {
    Position begin = 0;
    Position end = 0;

    Position size() const { return end - begin; }
    bool empty() const { return begin >= end; }
    friend bool operator==(const TokenRange&, const TokenRange&) = default;
};

}  // namespace kvasir
