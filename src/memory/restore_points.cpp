#include "memory/restore_points.h"

#include <algorithm>

namespace kvasir {

namespace {

// Of the last turns: end and message of both, so that each can be said again. They always stay, and the
// first.
constexpr std::size_t kNewestKept = 5;
constexpr std::size_t kPointsMin = kNewestKept + 1;
constexpr std::size_t kPointsMax = 24;
constexpr std::uint64_t kPointBytesMax = 2ULL * 1000 * 1000 * 1000;  // of one branch
// Two states of one turn beyond this are not written: its end alone then.
constexpr std::uint64_t kStateBytesPerTurnMax = 500ULL * 1000 * 1000;
// Nearer to the point before it, a state costs more than it saves.
constexpr Position kStateGapTokensMin = 64;

}  // namespace

std::vector<Position> points_of_prompt(const KvLayout& layout, const Conversation& conversation,
                                       const Prompt& prompt, std::uint64_t state_bytes) {
    const auto size = static_cast<Position>(prompt.tokens.size());
    std::vector<Position> points = {std::min(conversation.prefix_end(), prompt.history_end),
                                    prompt.message_end};
    if (!layout.has_snapshot() || prompt.message_end == 0 || size - prompt.message_end > kStateGapTokensMin)
        points.push_back(size - 1);
    if (layout.has_snapshot() && 2 * state_bytes > kStateBytesPerTurnMax) points.resize(1);
    std::erase_if(points, [&](Position point) { return point == 0 || point >= size; });
    std::sort(points.begin(), points.end());
    points.erase(std::unique(points.begin(), points.end()), points.end());
    return points;
}

std::size_t points_max(const KvLayout& layout, std::uint64_t state_bytes) {
    // At worst; points that lie near each other share window rows.
    const std::uint64_t each =
        std::max<std::uint64_t>(layout.row_bytes(Plane::kWindow) * layout.window_tokens + state_bytes, 1);
    return std::clamp<std::size_t>(kPointBytesMax / each, kPointsMin, kPointsMax);
}

std::vector<Position> thin_out(std::vector<Position> points, std::size_t count_max) {
    while (points.size() > std::max(count_max, kPointsMin)) {
        const std::uint64_t end = points.back();
        std::size_t least = 1;
        const auto gap = [&](std::size_t i) { return std::uint64_t{points[i + 1]} - points[i - 1]; };
        for (std::size_t i = 2; i + kNewestKept < points.size(); ++i) {
            // gap / distance from the end, compared without a division
            if (gap(i) * (end - points[least]) < gap(least) * (end - points[i])) least = i;
        }
        points.erase(points.begin() + static_cast<std::ptrdiff_t>(least));
    }
    return points;
}

}  // namespace kvasir
