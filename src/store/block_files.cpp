#include "store/block_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "store/kv_file.h"

namespace kvasir {

namespace {

std::string shard_of(const BlockName& name) { return name.hex().substr(0, 2); }

}  // namespace

BlockFiles::BlockFiles(FileSystem& file_system, std::string root)
    : file_system_(file_system), root_(std::move(root)) {}

std::string BlockFiles::directory_of(BlockKind kind, const BlockName& name) const {
    return fmt::format("{}/{}/{}", root_, info_of(kind).directory, shard_of(name));
}

std::string BlockFiles::path_of(BlockKind kind, const BlockName& name) const {
    return fmt::format("{}/{}{}", directory_of(kind, name), name.hex(), info_of(kind).file_end);
}

Status BlockFiles::create_layout() {
    std::set<std::string> directories;
    for (const BlockKindInfo& kind : kBlockKinds) directories.insert(root_ + "/" + kind.directory);
    for (const std::string& directory : directories) KVASIR_TRY(create_shards(directory));
    return file_system_.make_directories(root_ + "/quarantine");
}

Status BlockFiles::create_shards(const std::string& directory) {
    KVASIR_TRY(file_system_.make_directories(directory));
    for (unsigned number = 0; number < kBlockShards; ++number) {
        const std::string shard = fmt::format("{}/{:02x}", directory, number);
        KVASIR_TRY(file_system_.make_directories(shard));
        KVASIR_TRY_ASSIGN(const std::vector<FileInfo> files, file_system_.list(shard));
        for (const FileInfo& file : files) {
            if (file.name.find(kTemporaryMark) == std::string::npos) {
                bytes_found_ += file.size_bytes;
                continue;
            }
            KVASIR_TRY(file_system_.remove(shard + "/" + file.name));
        }
    }
    return {};
}

Result<StoredBlock> BlockFiles::write(const BlockSpec& spec, std::span<const std::byte> image) {
    Result<StoredBlock> written = write_untold(spec, image);
    tell_of(written);
    return written;
}

Result<StoredBlock> BlockFiles::write_untold(const BlockSpec& spec, std::span<const std::byte> image) {
    KVASIR_TRY_ASSIGN(const std::vector<std::byte> header, encode_header(spec, image));
    const std::vector<std::byte> tokens = encode_tokens(spec.tokens);
    const std::array<std::span<const std::byte>, 3> parts = {header, image, tokens};
    const std::string path = path_of(spec.kind, spec.name);
    const auto write_temporary = [&]() -> Result<std::string> {
        // Unique within the process by the counter, among processes by the pid: no two writers share a
        // temporary file.
        std::string temporary =
            fmt::format("{}{}{}-{}", path, kTemporaryMark, ::getpid(), next_temporary_.fetch_add(1));
        KVASIR_TRY(file_system_.write_new_synced(temporary, parts));
        return temporary;
    };
    auto temporary = write_temporary();
    // A failed sync leaves nothing that could be trusted: once more, under a new name. A full disk stays
    // full.
    if (!temporary && temporary.error().code == ErrorCode::kIo) temporary = write_temporary();
    if (!temporary) return fail(std::move(temporary).error());
    if (Status renamed = file_system_.rename(*temporary, path); !renamed) {
        (void)file_system_.remove(*temporary);  // best effort: create_layout() removes what is left
        return fail(std::move(renamed).error());
    }
    KVASIR_TRY(file_system_.sync_directory(directory_of(spec.kind, spec.name)));
    StoredBlock stored;
    stored.kind = spec.kind;
    stored.name = spec.name;
    stored.parent = spec.parent;
    stored.range = spec.range;
    stored.tokens = spec.tokens;
    stored.header_hash = Sha256("").raw(header).finish();
    stored.file_bytes = header.size() + image.size() + tokens.size();
    return stored;
}

Status BlockFiles::quarantine(BlockKind kind, const BlockName& name, const std::string& reason) {
    // The time keeps the names of several runs apart: in a container, each has the same pid.
    const std::string target =
        fmt::format("{}/quarantine/{}{}.{}-{}-{}", root_, name.hex(), info_of(kind).file_end,
                    system_clock().unix_ms(), ::getpid(), next_temporary_.fetch_add(1));
    KVASIR_TRY(file_system_.rename(path_of(kind, name), target));
    const std::array<std::span<const std::byte>, 1> parts = {std::as_bytes(std::span(reason))};
    const Status noted = file_system_.write_new_synced(target + ".reason", parts);
    KVASIR_TRY(file_system_.sync_directory(root_ + "/quarantine"));
    KVASIR_TRY(file_system_.sync_directory(directory_of(kind, name)));
    return noted;
}

Status BlockFiles::remove(BlockKind kind, const BlockName& name) {
    Status removed = file_system_.remove(path_of(kind, name));
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
    // Even when it is not there: whoever removed it may have failed at this sync, or died before it.
    Status synced = file_system_.sync_directory(directory_of(kind, name));
    if (!synced && synced.error().code == ErrorCode::kNotFound) return {};
    return synced;
}

Status BlockFiles::remove_quarantined(BlockKind kind, const BlockName& name) {
    const std::string prefix = name.hex() + std::string(info_of(kind).file_end);
    KVASIR_TRY_ASSIGN(const std::vector<FileInfo> files, file_system_.list(root_ + "/quarantine"));
    for (const FileInfo& file : files) {
        if (!file.name.starts_with(prefix)) continue;
        KVASIR_TRY(file_system_.remove(root_ + "/quarantine/" + file.name));
    }
    return file_system_.sync_directory(root_ + "/quarantine");  // even when none is there: see remove()
}

}  // namespace kvasir
