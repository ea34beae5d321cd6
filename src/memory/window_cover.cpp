#include "memory/window_cover.h"

#include <algorithm>

namespace kvasir {

namespace {

// A segment that leads nowhere is given up for the next one that ends at the same position; `dead` remembers
// positions from which nothing leads on, so that each is looked at once.
Result<bool> cover_back(const TokenChain& chain, Position begin, Position end,
                        const SegmentsEndingAt& segments, std::vector<StoredBlock>& path,
                        std::vector<Position>& dead) {
    if (end <= begin) return true;
    if (std::find(dead.begin(), dead.end(), end) != dead.end()) return false;
    KVASIR_TRY_ASSIGN(const std::vector<StoredBlock> found, segments(chain.name_at(end)));
    for (const StoredBlock& segment : found) {
        if (segment.range.end != end || segment.range.begin >= end) continue;
        path.push_back(segment);
        KVASIR_TRY_ASSIGN(const bool covered,
                          cover_back(chain, begin, segment.range.begin, segments, path, dead));
        if (covered) return true;
        path.pop_back();
    }
    dead.push_back(end);
    return false;
}

}  // namespace

Result<std::optional<std::vector<StoredBlock>>> find_window_cover(const TokenChain& chain, TokenRange window,
                                                                  const SegmentsEndingAt& segments) {
    std::vector<StoredBlock> path;
    std::vector<Position> dead;
    KVASIR_TRY_ASSIGN(const bool covered, cover_back(chain, window.begin, window.end, segments, path, dead));
    if (!covered) return std::optional<std::vector<StoredBlock>>();
    std::reverse(path.begin(), path.end());
    return std::optional<std::vector<StoredBlock>>(std::move(path));
}

}  // namespace kvasir
