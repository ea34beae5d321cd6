#include "sched/batch_plan.h"

#include <algorithm>

namespace kvasir {

std::vector<BatchShare> plan_batch(std::span<const TurnNeed> needs, const BatchLimits& limits) {
    std::vector<BatchShare> shares;
    std::vector<std::size_t> reading;
    std::uint32_t left = limits.batch_rows_max;
    const auto give = [&](std::size_t turn, std::uint32_t rows) {
        shares.push_back({turn, rows});
        left -= rows;
    };
    for (std::size_t i = 0; i < needs.size(); ++i) {
        if (needs[i].of == TurnNeed::Rows::kPrompt)
            reading.push_back(i);
        else
            give(i, std::min(left, 1U));
    }
    if (reading.empty()) return shares;
    if (!shares.empty()) left = std::min(left, limits.chunk_rows_max);
    const std::size_t oldest = reading.front();
    std::stable_sort(reading.begin(), reading.end(),
                     [&](std::size_t a, std::size_t b) { return needs[a].left < needs[b].left; });
    const bool is_shortest = reading.front() == oldest;
    const std::uint32_t part = is_shortest ? left : (left + kOldestPart - 1) / kOldestPart;
    const std::uint32_t kept = std::min(part, needs[oldest].left);
    std::erase(reading, oldest);
    for (const std::size_t turn : reading) give(turn, std::min(left - kept, needs[turn].left));
    give(oldest, std::min(left, needs[oldest].left));  // last, so that it may have what others leave
    return shares;
}

}  // namespace kvasir
