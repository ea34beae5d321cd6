// What stands where in the file of an exported agent: its tensors, and the slices of them that belong to one
// block, segment or state. The same for writer and reader, who must come to the same. Pure.
//
// Rows of a layer are one tensor over all tokens, in a file; in the store they are cut into blocks. A slice
// is where both meet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/kv_layout.h"
#include "store/agent_file.h"

namespace kvasir {

class Hmac256;

struct StateInFile {
    Position end = 0;
    std::uint64_t bytes = 0;  // of an opaque one
};

struct TransferContents {
    std::uint64_t tokens = 0;
    std::uint64_t turn_tokens = 0;
    Position cache_tokens = 0;  // append rows [0, cache_tokens), when there are any
    std::vector<TokenRange> windows;
    std::vector<StateInFile> snapshots;
};

struct TransferSlice {
    std::uint64_t offset = 0;  // in the data section
    std::uint64_t bytes = 0;
    std::uint64_t first_piece = 0;
    BlockKind kind = BlockKind::kAppend;
    std::size_t unit = 0;  // which block, segment or state
    std::size_t part = 0;  // which tensor of it
    enum class Source { kTokens, kTurnTokens, kKv } source = Source::kKv;
};

struct TransferLayout {
    std::vector<TensorSpec> tensors;  // with the MACs, which come last
    std::vector<TransferSlice> slices;
    // Slices of a unit, by kind and number, in the order of its tensors.
    std::array<std::vector<std::vector<std::size_t>>, kBlockKinds.size()> units;
    std::vector<TokenRange> blocks;  // of the append rows
    std::uint64_t pieces = 0;
    std::uint64_t macs_offset = 0;
};

TransferLayout transfer_layout(const KvLayout& layout, const TransferContents& contents);

// Pieces of a slice: kAgentFilePieceBytes each, the last one as it comes.
std::uint64_t piece_count(std::uint64_t slice_bytes);

// MAC of one piece: bound to the file's header and to its place.
Digest256 piece_mac(Hmac256& mac, const Digest256& header_hash, std::uint64_t piece,
                    std::span<const std::byte> bytes);
// With what a store signs what it hands out: made of its tenant's salt, which never leaves it.
Digest256 export_key(const Digest256& tenant_salt);

}  // namespace kvasir
