// The chain of block names over one list of tokens, computed once. Values only.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/block.h"

namespace kvasir {

Position common_prefix(std::span<const Token> a, std::span<const Token> b);

class TokenChain {
  public:
    TokenChain(const ChainRoot& root, std::span<const Token> tokens);

    std::span<const Token> tokens() const { return tokens_; }
    Position size() const { return static_cast<Position>(tokens_.size()); }
    std::span<const Token> tokens(TokenRange range) const;
    // Name of the block that ends at `position`, which is not 0.
    BlockName name_at(Position position) const;
    // Name of the full block before the one that begins at `begin`, a multiple of kBlockTokens.
    std::optional<BlockName> parent_of(Position begin) const;
    // Blocks over [0, end): full ones, then the partial one.
    static std::vector<TokenRange> block_ranges(Position end);

  private:
    ChainRoot root_;
    std::vector<Token> tokens_;
    std::vector<BlockName> full_;  // names of the full blocks
};

// `range` cut where blocks end.
std::vector<TokenRange> split_at_blocks(TokenRange range);

}  // namespace kvasir
