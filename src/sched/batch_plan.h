// How many rows of the next step each turn gets. A pure function.
//
// Every turn that answers gets its one row, so that no stream waits for a prompt. What is left goes to the
// prompts, the one with the fewest rows left first: prompts that are read one after the other have their
// first tokens sooner, on average, than prompts that are read side by side. The turn that
// came first has a part whatever comes after it, so that a long prompt is not put off by short ones without
// end. While somebody answers, prompts get at most chunk_rows_max, so that a step stays short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kvasir {

struct TurnNeed {
    enum class Rows { kPrompt, kAnswer };
    Rows of = Rows::kAnswer;
    std::uint32_t left = 1;  // of a prompt: rows that are still to be read
};

struct BatchLimits {
    std::uint32_t batch_rows_max = 512;  // of one step, by the engine
    std::uint32_t chunk_rows_max = 256;  // of prompts in one step, while others answer
};

inline constexpr std::uint32_t kOldestPart = 4;  // who came first has a fourth of the rows of prompts

struct BatchShare {
    std::size_t turn = 0;  // index in the needs
    std::uint32_t rows = 0;
    bool operator==(const BatchShare&) const = default;
};

// `needs` in the order in which the turns came. A share for each of them, in the order in which they take
// their rows: what one leaves of its rows, the next may have. Prompt rows are upper limits.
std::vector<BatchShare> plan_batch(std::span<const TurnNeed> needs, const BatchLimits& limits);

}  // namespace kvasir
