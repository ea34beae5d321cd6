// Row images and the block files they become: which tensors a plane has. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "memory/kv_context.h"
#include "store/block.h"

namespace kvasir {

BlockKind kind_of(Plane plane);
Plane plane_of(BlockKind kind);

// The tensors of `rows` rows, in the order of the row image.
std::vector<TensorSpec> tensors_of(const KvLayout& layout, Plane plane, Position rows);

// The tensors of a snapshot. state_bytes: of an opaque one; 0: not known, what the file has.
std::vector<TensorSpec> tensors_of_snapshot(const KvLayout& layout, std::uint64_t state_bytes);

struct BlockIdentity {
    BlockKind kind = BlockKind::kAppend;
    BlockName name;
    std::optional<BlockName> parent;  // as in BlockSpec
    TokenRange range;
    std::uint64_t state_bytes = 0;  // of an opaque snapshot; 0: not known
};

// The state of the first `end` tokens of a chain that is named `end_name` there.
BlockIdentity snapshot_identity(const BlockName& end_name, Position end, std::uint64_t state_bytes);

// The full specification of a block of this engine's rows.
BlockSpec make_block_spec(const KvContext& context, const BlockIdentity& identity,
                          std::span<const Token> tokens);

}  // namespace kvasir
