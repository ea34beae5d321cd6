// Finds the stored segments that together are the window of a position: walks back along the chain. Reads the
// catalog.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "memory/token_chain.h"
#include "store/catalog.h"

namespace kvasir {

// Segments of the chain that end at a position, lowest begin first.
using SegmentsEndingAt = std::function<Result<std::vector<StoredBlock>>(const BlockName& end_name)>;

// Segments in order; the first may begin before window.begin, the last ends at window.end. nullopt: they do
// not cover it.
Result<std::optional<std::vector<StoredBlock>>> find_window_cover(const TokenChain& chain, TokenRange window,
                                                                  const SegmentsEndingAt& segments);

}  // namespace kvasir
