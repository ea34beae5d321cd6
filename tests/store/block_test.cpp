// Names of blocks: equal when everything that rows depend on is equal, and never else.
#include "store/block.h"

#include <numeric>
#include <set>

#include <gmock/gmock.h>

#include "base/limits.h"

namespace kvasir::test {
namespace {

ChainRoot root_of(std::uint8_t tenant, std::uint8_t fingerprint) {
    ChainRoot root;
    root.tenant_salt.bytes.fill(tenant);
    root.fingerprint.bytes.fill(fingerprint);
    return root;
}

std::vector<Token> counting(std::size_t count, Token first = 0) {
    std::vector<Token> tokens(count);
    std::iota(tokens.begin(), tokens.end(), first);
    return tokens;
}

TEST(BlockNameTest, DependsOnEveryPartAlone) {
    const ChainRoot root = root_of(1, 2);
    const BlockName parent = root.fingerprint;
    const std::vector<Token> tokens = counting(10);
    std::set<BlockName> names;
    names.insert(block_name(root, std::nullopt, tokens));
    names.insert(block_name(root, parent, tokens));
    names.insert(block_name(root, Digest256{}, tokens));
    names.insert(block_name(root_of(3, 2), std::nullopt, tokens));
    names.insert(block_name(root_of(1, 3), std::nullopt, tokens));
    names.insert(block_name(root_of(2, 1), std::nullopt, tokens));
    names.insert(block_name(root, std::nullopt, counting(9)));
    names.insert(block_name(root, std::nullopt, counting(10, 1)));
    std::vector<Token> changed = tokens;
    changed[9] = -1;
    names.insert(block_name(root, std::nullopt, changed));
    std::swap(changed[0], changed[1]);
    names.insert(block_name(root, std::nullopt, changed));
    EXPECT_EQ(names.size(), 10u);
    EXPECT_TRUE(names.contains(block_name(root_of(1, 2), std::nullopt, counting(10))))
        << "same parts, same name";
}

// Stores on disk depend on it.
TEST(BlockNameTest, StaysWhatItWas) {
    EXPECT_EQ(block_name(root_of(1, 2), std::nullopt, counting(3)).hex(),
              "77a6f4f864a2d0b2e2410a4ec403ff431bd1bb078c93d19afcd8adf048c5b155");
    EXPECT_EQ(block_name(root_of(1, 2), root_of(4, 5).tenant_salt, counting(3)).hex(),
              "e9e3ea53221e924d7527d501c354c5d112f5cbf70994cd5e55d3d6b6608d56a8");
    EXPECT_EQ(window_name(root_of(4, 5).tenant_salt, 300).hex(),
              "faa2ddf6cce239292b19cc61c6cbc3f80b4ac9b6357d6bcb9539e3aca45efebe");
}

TEST(ChainNamesTest, NameEveryBlockOnce) {
    const ChainRoot root = root_of(1, 2);
    const std::vector<Token> tokens = counting(2 * kBlockTokens + 7);
    const std::span<const Token> all(tokens);
    const std::vector<BlockName> names = chain_names(root, tokens);
    ASSERT_EQ(names.size(), 3u);
    EXPECT_EQ(names[0], block_name(root, std::nullopt, all.first(kBlockTokens)));
    EXPECT_EQ(names[1], block_name(root, names[0], all.subspan(kBlockTokens, kBlockTokens)));
    EXPECT_EQ(names[2], block_name(root, names[1], all.subspan(2 * kBlockTokens)));
}

TEST(ChainNamesTest, BlocksBeginWhereTheLastOneIsFull) {
    const ChainRoot root = root_of(1, 2);
    const std::vector<Token> tokens = counting(2 * kBlockTokens);
    const std::span<const Token> all(tokens);
    EXPECT_TRUE(chain_names(root, {}).empty());
    const BlockName first = block_name(root, std::nullopt, all.first(kBlockTokens));
    for (const std::size_t count : {1U, kBlockTokens - 1, kBlockTokens}) {
        const std::vector<BlockName> names = chain_names(root, all.first(count));
        ASSERT_EQ(names.size(), 1u) << count;
        EXPECT_EQ(names[0], block_name(root, std::nullopt, all.first(count)));
        EXPECT_EQ(names[0] == first, count == kBlockTokens) << "a partial block is another one";
    }
    for (const std::size_t count : {kBlockTokens + 1, 2 * kBlockTokens - 1, 2 * kBlockTokens}) {
        const std::vector<BlockName> names = chain_names(root, all.first(count));
        ASSERT_EQ(names.size(), 2u) << count;
        EXPECT_EQ(names[0], first);
        EXPECT_EQ(names[1], block_name(root, first, all.first(count).subspan(kBlockTokens)));
    }
}

TEST(ChainNamesTest, AChangedTokenChangesItsBlockAndAllAfterIt) {
    const ChainRoot root = root_of(1, 2);
    std::vector<Token> tokens = counting(4 * kBlockTokens);
    const std::vector<BlockName> before = chain_names(root, tokens);
    tokens[kBlockTokens] += 1;
    const std::vector<BlockName> after = chain_names(root, tokens);
    EXPECT_EQ(after[0], before[0]);
    for (std::size_t i = 1; i < 4; ++i) EXPECT_NE(after[i], before[i]) << i;
}

TEST(WindowNameTest, DependsOnWhereItBeginsAndEnds) {
    const BlockName end = root_of(1, 2).fingerprint;
    EXPECT_NE(window_name(end, 0), window_name(end, 1));
    EXPECT_NE(window_name(end, 0), window_name(Digest256{}, 0));
    EXPECT_NE(window_name(end, 0), end);
    EXPECT_EQ(window_name(end, 5), window_name(end, 5));
}

}  // namespace
}  // namespace kvasir::test
