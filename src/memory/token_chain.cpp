#include "memory/token_chain.h"

#include <algorithm>

#include "base/limits.h"

namespace kvasir {

Position common_prefix(std::span<const Token> a, std::span<const Token> b) {
    const std::size_t size = std::min(a.size(), b.size());
    std::size_t i = 0;
    while (i < size && a[i] == b[i]) ++i;
    return static_cast<Position>(i);
}

TokenChain::TokenChain(const ChainRoot& root, std::span<const Token> tokens)
    : root_(root), tokens_(tokens.begin(), tokens.end()) {
    const std::size_t full = tokens_.size() / kBlockTokens * kBlockTokens;
    full_ = chain_names(root_, std::span(tokens_).first(full));
}

std::span<const Token> TokenChain::tokens(TokenRange range) const {
    return std::span(tokens_).subspan(range.begin, range.size());
}

BlockName TokenChain::name_at(Position position) const {
    if (position % kBlockTokens == 0) return full_.at(position / kBlockTokens - 1);
    const Position begin = position / kBlockTokens * kBlockTokens;
    return block_name(root_, parent_of(begin), tokens({begin, position}));
}

std::optional<BlockName> TokenChain::parent_of(Position begin) const {
    if (begin == 0) return std::nullopt;
    return full_.at(begin / kBlockTokens - 1);
}

std::vector<TokenRange> TokenChain::block_ranges(Position end) { return split_at_blocks({0, end}); }

std::vector<TokenRange> split_at_blocks(TokenRange range) {
    std::vector<TokenRange> parts;
    while (!range.empty()) {
        const Position block_end = (range.begin / kBlockTokens + 1) * kBlockTokens;
        parts.push_back({range.begin, std::min(range.end, block_end)});
        range.begin = parts.back().end;
    }
    return parts;
}

}  // namespace kvasir
