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

tl::unexpected<Error> damaged(const BlockName& name, const char* what) {
    return fail(ErrorCode::kDamaged, fmt::format("block {}: {}", name.hex(), what));
}

// The reader of a snapshot need not know how long a state is that has but one tensor.
bool has_unknown_size(const BlockSpec& spec) {
    return spec.kind == BlockKind::kSnapshot && spec.tensors.size() == 1 && spec.tensors.front().bytes == 0;
}

// Everything but the tokens, which stand in the data section.
bool same_header(BlockSpec decoded, const BlockSpec& expected) {
    decoded.tokens = expected.tokens;
    if (has_unknown_size(expected) && decoded.tensors.size() == 1) {
        decoded.tensors.front().bytes = 0;
        decoded.tensors.front().shape = expected.tensors.front().shape;
    }
    return decoded == expected;
}

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
    Result<StoredBlock> written = write_file(spec, image);
    if (on_write_) on_write_(written ? Status() : Status(fail(written.error())));
    return written;
}

Result<StoredBlock> BlockFiles::write_file(const BlockSpec& spec, std::span<const std::byte> image) {
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

Result<DecodedHeader> BlockFiles::read_header(const StoredBlock& stored, const BlockSpec& expected) {
    const std::string path = path_of(stored.kind, stored.name);
    KVASIR_TRY_ASSIGN(const std::uint64_t file_bytes, file_system_.file_size(path));
    if (file_bytes != stored.file_bytes) return damaged(stored.name, "the file has another size than it had");
    std::vector<std::byte> header(kHeaderLengthBytes);
    KVASIR_TRY(file_system_.read_at(path, 0, header));
    KVASIR_TRY_ASSIGN(const std::uint64_t length, decode_header_length(header, file_bytes));
    header.resize(kHeaderLengthBytes + length);
    KVASIR_TRY(file_system_.read_at(path, kHeaderLengthBytes, std::span(header).subspan(kHeaderLengthBytes)));
    if (Sha256("").raw(header).finish() != stored.header_hash) {
        return damaged(stored.name, "the header has another hash than the catalog knows");
    }
    KVASIR_TRY_ASSIGN(DecodedHeader decoded, decode_header(header, file_bytes));
    if (stored.name != expected.name || !same_header(decoded.spec, expected))
        return damaged(stored.name, "the file is that of another block");
    return decoded;
}

Status BlockFiles::read(const StoredBlock& stored, const BlockSpec& expected, std::vector<std::byte>& image) {
    KVASIR_TRY_ASSIGN(const DecodedHeader decoded, read_header(stored, expected));
    image.resize(decoded.data_size);
    KVASIR_TRY(file_system_.read_at(path_of(stored.kind, stored.name), decoded.data_begin, image));
    KVASIR_TRY(verify_frames(decoded, image));
    const std::uint64_t image_bytes = decoded.spec.image_bytes();
    if (!std::ranges::equal(std::span(image).subspan(image_bytes), encode_tokens(expected.tokens))) {
        return damaged(stored.name, "the file holds other tokens");
    }
    image.resize(image_bytes);
    return {};
}

Result<std::uint64_t> BlockFiles::image_bytes(const StoredBlock& stored, const BlockSpec& expected) {
    KVASIR_TRY_ASSIGN(const DecodedHeader decoded, read_header(stored, expected));
    return decoded.spec.image_bytes();
}

Status BlockFiles::read_part(const StoredBlock& stored, const BlockSpec& expected, std::uint64_t begin,
                             std::span<std::byte> part) {
    KVASIR_TRY_ASSIGN(const DecodedHeader decoded, read_header(stored, expected));
    const std::uint64_t image_bytes = decoded.spec.image_bytes();
    if (part.empty() || begin > image_bytes || part.size() > image_bytes - begin)
        return fail(ErrorCode::kInvalidArgument, "a part of a block that it does not have");
    const std::uint64_t first = begin / kFrameBytes;
    const std::uint64_t frames_end =
        std::min(decoded.data_size, ((begin + part.size() - 1) / kFrameBytes + 1) * kFrameBytes);
    std::vector<std::byte> frames(frames_end - first * kFrameBytes);
    KVASIR_TRY(file_system_.read_at(path_of(stored.kind, stored.name),
                                    decoded.data_begin + first * kFrameBytes, frames));
    KVASIR_TRY(verify_some_frames(decoded, first, frames));
    const auto wanted = std::span(frames).subspan(begin - first * kFrameBytes, part.size());
    std::copy(wanted.begin(), wanted.end(), part.begin());
    return {};
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
