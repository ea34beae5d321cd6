#include "memory/logprobs.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

namespace kvasir {

TokenLogprob logprob_of(const Engine& engine, std::size_t row, Token token, std::uint32_t top) {
    const std::span<const float> logits = engine.logits(row);
    const float highest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit - highest));
    const double log_sum = std::log(sum) + static_cast<double>(highest);
    const auto log_probability = [&](Token of) {
        return static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(of)]) - log_sum);
    };
    TokenLogprob result{engine.piece(token, SpecialTokens::kParse), log_probability(token), {}};
    std::vector<Token> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const std::size_t count = std::min<std::size_t>(top, order.size());
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(order.begin(), end, order.end(), [&](Token a, Token b) {
        return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
    });
    for (auto it = order.begin(); it != end; ++it)
        result.top.emplace_back(engine.piece(*it, SpecialTokens::kParse), log_probability(*it));
    return result;
}

}  // namespace kvasir
