// Every kind of KV file that a store has, in one place: its number in the catalog, its word in the files,
// where it lies. Values only, thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace kvasir {

enum class BlockKind {
    kAppend,    // rows of the append plane of one block
    kWindow,    // rows of the window plane of one segment
    kSnapshot,  // the state of a sequence at one position
};

struct BlockKindInfo {
    BlockKind kind;
    std::int64_t row;       // `kind` in the catalog's tables
    const char* name;       // `kind` in a file's header
    const char* directory;  // under the store's root; its files lie in 256 directories by first two digits
    std::string_view file_end;  // behind the 64 digits of the name
};

inline constexpr std::array<BlockKindInfo, 3> kBlockKinds = {{
    {BlockKind::kAppend, 0, "append", "blocks", ".safetensors"},
    {BlockKind::kWindow, 1, "window", "blocks", ".window.safetensors"},
    {BlockKind::kSnapshot, 2, "snapshot", "snapshots", ".safetensors"},
}};

constexpr const BlockKindInfo& info_of(BlockKind kind) { return kBlockKinds[static_cast<std::size_t>(kind)]; }

inline const char* to_string(BlockKind kind) { return info_of(kind).name; }

}  // namespace kvasir
