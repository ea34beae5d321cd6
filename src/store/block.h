// A block: up to kBlockTokens tokens of one chain, named by everything its rows mean. Values and pure
// functions.
//
// Chain: the block over [256k, p) is named by SHA-256(tenant salt, model fingerprint, parent name, tokens);
// its parent is the full block before it. chain_name(tokens[0..p)) of any position p is therefore the name of
// the block that ends there.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/tokens.h"
#include "store/block_kind.h"

namespace kvasir {

using BlockName = Digest256;

// Rows or a state as their file has them, which nobody changes: one thread may write them while another
// reads.
using SharedImage = std::shared_ptr<const std::vector<std::byte>>;

// What all names of one tenant and one model fingerprint start from.
struct ChainRoot {
    Digest256 tenant_salt;
    Digest256 fingerprint;
    friend bool operator==(const ChainRoot&, const ChainRoot&) = default;
};

BlockName block_name(const ChainRoot& root, const std::optional<BlockName>& parent,
                     std::span<const Token> tokens);

// Names of all blocks over tokens: the full ones, then the partial one if tokens.size() is no multiple of
// kBlockTokens.
std::vector<BlockName> chain_names(const ChainRoot& root, std::span<const Token> tokens);

// A window segment holds the window rows of [range.begin, range.end), inside one block, of the chain that is
// named `end_name` at range.end. Its own name adds where it begins.
BlockName window_name(const BlockName& end_name, Position begin);

// A snapshot is the state of a sequence of the chain that is named `end_name` where the sequence ends.
BlockName snapshot_name(const BlockName& end_name);

struct TensorSpec {
    std::string name;                  // "layer_0.key"
    std::string dtype;                 // safetensors: "F16", "BF16", "F32", "U8" (quantised rows)
    std::vector<std::uint64_t> shape;  // rows: [tokens, elements of a row]; U8: bytes
    std::uint64_t bytes = 0;
    friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

// Everything a block file says about itself.
struct BlockSpec {
    BlockKind kind = BlockKind::kAppend;
    BlockName name;
    std::optional<BlockName> parent;  // append: block before it. Others: the chain name at range.end
    Digest256 fingerprint;
    TokenRange range;           // positions; of a snapshot the last block's, as far as it goes
    std::vector<Token> tokens;  // of the range
    std::string kv_type_k;
    std::string kv_type_v;
    std::vector<TensorSpec> tensors;  // in the order of the row image
    friend bool operator==(const BlockSpec&, const BlockSpec&) = default;

    std::uint64_t image_bytes() const {
        std::uint64_t total = 0;
        for (const TensorSpec& tensor : tensors) total += tensor.bytes;
        return total;
    }
};

// What the catalog knows of a file that is durable.
struct StoredBlock {
    BlockKind kind = BlockKind::kAppend;
    BlockName name;
    std::optional<BlockName> parent;
    TokenRange range;
    std::vector<Token> tokens;
    Digest256 header_hash;  // SHA-256 of the file's first 8 + N bytes: verified before the parser sees them
    std::uint64_t file_bytes = 0;
};

}  // namespace kvasir
