// What lies in the directories of block files, and whether it is what its name says: BlockFiles' part for
// whoever has no model at hand.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "store/block_files.h"
#include "store/kv_file.h"

namespace kvasir {

namespace {

constexpr std::size_t kNameHex = 64;

tl::unexpected<Error> damaged(const char* what) { return fail(ErrorCode::kDamaged, what); }

// By what it means, as the writer would name it now.
BlockName name_of(const StoredBlock& stored, const ChainRoot& root) {
    switch (stored.kind) {
        case BlockKind::kAppend:
            return block_name(root, stored.parent, stored.tokens);
        case BlockKind::kWindow:
            return window_name(stored.parent.value_or(BlockName{}), stored.range.begin);
        case BlockKind::kSnapshot:
            return snapshot_name(stored.parent.value_or(BlockName{}));
    }
    return {};
}

}  // namespace

std::vector<std::string> BlockFiles::shard_directories(unsigned shard) const {
    std::set<std::string> directories;
    for (const BlockKindInfo& kind : kBlockKinds)
        directories.insert(fmt::format("{}/{}/{:02x}", root_, kind.directory, shard));
    return {directories.begin(), directories.end()};
}

Result<std::vector<BlockFileFound>> BlockFiles::list_shard(unsigned shard) {
    std::vector<BlockFileFound> found;
    for (const std::string& directory : shard_directories(shard)) {
        KVASIR_TRY_ASSIGN(const std::vector<FileInfo> files, file_system_.list(directory));
        for (const FileInfo& file : files) {
            // Somebody is writing it just now; those of the dead are removed at the start.
            if (file.name.find(kTemporaryMark) != std::string::npos) continue;
            found.push_back({directory + "/" + file.name,
                             Digest256::from_hex(std::string_view(file.name).substr(0, kNameHex)),
                             file.size_bytes});
        }
    }
    return found;
}

Status BlockFiles::sync_shard(unsigned shard) {
    for (const std::string& directory : shard_directories(shard))
        KVASIR_TRY(file_system_.sync_directory(directory));
    return {};
}

Status BlockFiles::verify(const StoredBlock& stored, const ChainRoot& root) {
    std::vector<std::byte> bytes;
    KVASIR_TRY(read_whole(stored, bytes));
    KVASIR_TRY_ASSIGN(const std::uint64_t length, decode_header_length(bytes, bytes.size()));
    const auto header = std::span(bytes).first(kHeaderLengthBytes + length);
    if (Sha256("").raw(header).finish() != stored.header_hash)
        return damaged("the header has another hash than the catalog knows");
    KVASIR_TRY_ASSIGN(const DecodedHeader decoded, decode_header(header, bytes.size()));
    const BlockSpec& spec = decoded.spec;
    const bool same = spec.kind == stored.kind && spec.name == stored.name && spec.parent == stored.parent &&
                      spec.fingerprint == root.fingerprint && spec.range == stored.range;
    if (!same) return damaged("the file is that of another block");
    const auto data = std::span(bytes).subspan(decoded.data_begin);
    KVASIR_TRY(verify_frames(decoded, data));
    const std::vector<std::byte> tokens = encode_tokens(stored.tokens);
    if (data.size() < tokens.size() || !std::ranges::equal(data.subspan(data.size() - tokens.size()), tokens))
        return damaged("the file holds other tokens than the catalog knows");
    if (name_of(stored, root) != stored.name)
        return damaged("it is not called what its tokens, model and tenant mean");
    return {};
}

Status BlockFiles::read_whole(const StoredBlock& stored, std::vector<std::byte>& bytes) {
    const std::string path = path_of(stored.kind, stored.name);
    KVASIR_TRY_ASSIGN(const std::uint64_t file_bytes, file_system_.file_size(path));
    if (file_bytes != stored.file_bytes) return damaged("the file has another size than it had");
    bytes.resize(file_bytes);
    return file_system_.read_at(path, 0, bytes);
}

}  // namespace kvasir
