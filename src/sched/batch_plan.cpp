#include "sched/batch_plan.h"

#include <algorithm>

namespace kvasir {

std::vector<std::uint32_t> plan_batch(std::span<const TurnNeed> needs, const BatchLimits& limits,
                                      std::uint64_t step) {
    std::vector<std::uint32_t> rows(needs.size(), 0);
    std::uint32_t left = limits.batch_rows_max;
    std::vector<std::size_t> reading;
    for (std::size_t i = 0; i < needs.size(); ++i) {
        if (needs[i] == TurnNeed::kPromptRows) {
            reading.push_back(i);
        } else if (left > 0) {
            rows[i] = 1;
            --left;
        }
    }
    if (reading.empty()) return rows;
    const bool somebody_answers = reading.size() < needs.size();
    if (somebody_answers) left = std::min(left, limits.chunk_rows_max);
    const auto count = static_cast<std::uint32_t>(reading.size());
    const std::uint32_t share = left / count;
    const std::uint32_t odd = left % count;
    for (std::uint32_t i = 0; i < count; ++i) {
        // The odd rows go round, so that with fewer rows than turns each has its turn.
        const auto place = static_cast<std::uint32_t>((i + step) % count);
        rows[reading[place]] = share + (i < odd ? 1 : 0);
    }
    return rows;
}

}  // namespace kvasir
