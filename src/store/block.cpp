#include "store/block.h"

#include <algorithm>

#include "base/limits.h"

namespace kvasir {

BlockName block_name(const ChainRoot& root, const std::optional<BlockName>& parent,
                     std::span<const Token> tokens) {
    Sha256 hash("kvasir.block.v1");
    hash.field("tenant", root.tenant_salt).field("fingerprint", root.fingerprint);
    if (parent) {
        hash.field("parent", *parent);
    } else {
        hash.field("first", std::string_view{});
    }
    return hash.field("tokens", tokens).finish();
}

std::vector<BlockName> chain_names(const ChainRoot& root, std::span<const Token> tokens) {
    std::vector<BlockName> names;
    names.reserve((tokens.size() + kBlockTokens - 1) / kBlockTokens);
    std::optional<BlockName> parent;
    while (!tokens.empty()) {
        const std::size_t count = std::min<std::size_t>(tokens.size(), kBlockTokens);
        parent = block_name(root, parent, tokens.first(count));
        names.push_back(*parent);
        tokens = tokens.subspan(count);
    }
    return names;
}

BlockName window_name(const BlockName& end_name, Position begin) {
    return Sha256("kvasir.window.v1").field("end", end_name).field("begin", std::uint64_t{begin}).finish();
}

BlockName snapshot_name(const BlockName& end_name) {
    return Sha256("kvasir.snapshot.v1").field("end", end_name).finish();
}

}  // namespace kvasir
