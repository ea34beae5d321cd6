// How many rows of the next step each turn gets. A pure function.
//
// Every turn that answers gets its one row, so that no stream waits for a prompt. What is left is shared
// fairly by the turns that read their prompts; while somebody answers, at most chunk_rows_max, so that a step
// stays short.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kvasir {

enum class TurnNeed { kPromptRows, kAnswerRow };

struct BatchLimits {
    std::uint32_t batch_rows_max = 512;  // of one step, by the engine
    std::uint32_t chunk_rows_max = 256;  // of prompts in one step, while others answer
};

// Rows for each turn, in order; prompt rows are upper limits. `turn` counts steps and decides who gets the
// odd rows.
std::vector<std::uint32_t> plan_batch(std::span<const TurnNeed> needs, const BatchLimits& limits,
                                      std::uint64_t step);

}  // namespace kvasir
