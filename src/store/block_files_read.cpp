// BlockFiles: what is read is what was written, or it is refused.
#include <algorithm>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/workers.h"
#include "store/block_files.h"
#include "store/kv_file.h"

namespace kvasir {

namespace {

static_assert(kWorkPartBytes % kFrameBytes == 0 && kRowPartBytes % kFrameBytes == 0,
              "a part is of whole frames");

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

// The frames of which tokens are a part may begin with rows: those are checked, too.
Status BlockFiles::check_tokens(const std::string& path, const DecodedHeader& decoded,
                                const BlockSpec& expected) {
    const std::uint64_t image_bytes = decoded.spec.image_bytes();
    const std::uint64_t first = image_bytes / kFrameBytes;
    std::vector<std::byte> frames(decoded.data_size - first * kFrameBytes);
    KVASIR_TRY(file_system_.read_at(path, decoded.data_begin + first * kFrameBytes, frames));
    KVASIR_TRY(verify_some_frames(decoded, first, frames));
    const auto tokens = std::span(frames).subspan(image_bytes - first * kFrameBytes);
    if (std::ranges::equal(tokens, encode_tokens(expected.tokens))) return {};
    return damaged(expected.name, "the file holds other tokens");
}

Result<BlockReader> BlockFiles::open(const StoredBlock& stored, const BlockSpec& expected) {
    KVASIR_TRY_ASSIGN(DecodedHeader decoded, read_header(stored, expected));
    std::string path = path_of(stored.kind, stored.name);
    KVASIR_TRY(check_tokens(path, decoded, expected));
    return BlockReader(file_system_, std::move(path), std::move(decoded));
}

Result<std::span<const std::byte>> BlockReader::part(std::uint64_t number,
                                                     std::span<std::byte> buffer) const {
    const std::uint64_t begin = number * kRowPartBytes;
    if (begin >= image_bytes() || buffer.size() < kRowPartBytes)
        return fail(ErrorCode::kInvalidArgument, "a part of a block that it does not have");
    // With what follows the rows in their last frame.
    const auto frames = buffer.first(std::min(kRowPartBytes, header_.data_size - begin));
    KVASIR_TRY(file_system_->read_at(path_, header_.data_begin + begin, frames));
    KVASIR_TRY(verify_some_frames(header_, begin / kFrameBytes, frames));
    return frames.first(std::min(kRowPartBytes, image_bytes() - begin));
}

// In parts, each checked while it is in the cache of the core that read it.
Status BlockFiles::read_data(const std::string& path, const DecodedHeader& decoded,
                             std::span<std::byte> data) {
    const std::size_t parts = std::max<std::size_t>(1, data.size() / kWorkPartBytes);
    std::vector<Status> outcomes(parts);
    Workers::shared().run(parts, [&](std::size_t number) {
        const std::uint64_t begin = number * kWorkPartBytes;
        const auto part = number + 1 == parts ? data.subspan(begin) : data.subspan(begin, kWorkPartBytes);
        outcomes[number] = file_system_.read_at(path, decoded.data_begin + begin, part);
        if (outcomes[number]) outcomes[number] = verify_some_frames(decoded, begin / kFrameBytes, part);
    });
    for (Status& outcome : outcomes) KVASIR_TRY(std::move(outcome));
    return {};
}

Status BlockFiles::read(const StoredBlock& stored, const BlockSpec& expected, std::vector<std::byte>& image) {
    KVASIR_TRY_ASSIGN(const DecodedHeader decoded, read_header(stored, expected));
    image.resize(decoded.data_size);
    KVASIR_TRY(read_data(path_of(stored.kind, stored.name), decoded, image));
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

}  // namespace kvasir
