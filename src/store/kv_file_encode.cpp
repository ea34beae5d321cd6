#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/names.h"
#include "base/workers.h"
#include "store/kv_file.h"
#include "store/kv_header.h"

namespace kvasir {

namespace {

bool is_plain_or_empty(std::string_view text) { return text.empty() || is_plain(text); }

Status check_tensors(const BlockSpec& spec) {
    const auto invalid = [&](std::string_view tensor, const char* what) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("block {}: tensor {} {}", spec.name.hex(), printable(tensor), what));
    };
    std::set<std::string_view> names = {kMetadataName, kTokensName};
    for (const TensorSpec& tensor : spec.tensors) {
        if (!is_plain(tensor.name)) return invalid(tensor.name, "has no plain name");
        if (!names.insert(tensor.name).second) return invalid(tensor.name, "has a name that is taken");
        if (bytes_of_shape(tensor) != tensor.bytes)
            return invalid(tensor.name, "has other bytes than its shape");
    }
    return {};
}

Status check_spec(const BlockSpec& spec, std::size_t image_bytes) {
    const auto invalid = [&](const char* what) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("block {}: {}", spec.name.hex(), what));
    };
    if (spec.tensors.size() > kTensorsMax - 2) return invalid("it has too many tensors");
    KVASIR_TRY(check_tensors(spec));
    if (spec.range.empty() || spec.range.size() > kBlockTokens)
        return invalid("it must hold 1 to 256 tokens");
    if (spec.tokens.size() != spec.range.size()) return invalid("its tokens do not fit its range");
    if (image_bytes > kBlockFileBytesMax - kBlockHeaderBytesMax - sizeof(Token) * kBlockTokens) {
        return invalid("its row image is too large");
    }
    // Bounded one by one, so that the sum cannot overflow to the right size.
    const bool all_fit = std::ranges::all_of(
        spec.tensors, [&](const TensorSpec& tensor) { return tensor.bytes <= image_bytes; });
    if (!all_fit || spec.image_bytes() != image_bytes)
        return invalid("its row image does not fit its tensors");
    if (!is_plain_or_empty(spec.kv_type_k) || !is_plain_or_empty(spec.kv_type_v))
        return invalid("its KV type is no plain name");
    return {};
}

}  // namespace

std::uint64_t data_bytes(const BlockSpec& spec) {
    return spec.image_bytes() + sizeof(Token) * spec.range.size();
}

std::vector<std::byte> encode_tokens(std::span<const Token> tokens) {
    std::vector<std::byte> bytes;
    bytes.reserve(tokens.size() * sizeof(Token));
    for (const Token token : tokens) {
        const auto value = static_cast<std::uint32_t>(token);
        for (unsigned shift = 0; shift < 32; shift += 8)
            bytes.push_back(static_cast<std::byte>(value >> shift));
    }
    return bytes;
}

Result<std::vector<std::byte>> encode_header(const BlockSpec& spec, std::span<const std::byte> image) {
    KVASIR_TRY(check_spec(spec, image.size()));
    // Frames run over image and tokens as one section; the frame in which they meet is the only one that is
    // copied.
    const std::vector<std::byte> tail = encode_tokens(spec.tokens);
    std::vector<Checksum128> frames(image.size() / kFrameBytes);
    const std::uint64_t offset = frames.size() * kFrameBytes;
    const std::size_t frames_each = kWorkPartBytes / kFrameBytes;
    Workers::shared().run((frames.size() + frames_each - 1) / frames_each, [&](std::size_t part) {
        const std::size_t end = std::min(frames.size(), (part + 1) * frames_each);
        for (std::size_t i = part * frames_each; i < end; ++i)
            frames[i] = frame_checksum(spec.name, i, image.subspan(i * kFrameBytes, kFrameBytes));
    });
    std::vector<std::byte> rest(image.begin() + static_cast<std::ptrdiff_t>(offset), image.end());
    rest.insert(rest.end(), tail.begin(), tail.end());
    for (std::span<const std::byte> left = rest; !left.empty();) {
        const std::size_t count = std::min<std::size_t>(left.size(), kFrameBytes);
        frames.push_back(frame_checksum(spec.name, frames.size(), left.first(count)));
        left = left.subspan(count);
    }
    const std::string text = header_text(spec, spec.tokens.size(), frames);
    if (text.size() > kBlockHeaderBytesMax) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("block {}: its header is too large", spec.name.hex()));
    }
    std::vector<std::byte> header;
    header.reserve(kHeaderLengthBytes + text.size());
    for (unsigned shift = 0; shift < 64; shift += 8) {
        header.push_back(static_cast<std::byte>(std::uint64_t{text.size()} >> shift));
    }
    const auto bytes = std::as_bytes(std::span(text));
    header.insert(header.end(), bytes.begin(), bytes.end());
    return header;
}

}  // namespace kvasir
