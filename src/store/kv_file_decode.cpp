// Strict by construction: what was understood of a header is written again, and must be the same bytes. So
// whatever JSON leaves open (duplicate keys, order, white space, escapes, fields of others) is refused
// without a rule for each.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/limits.h"
#include "store/kv_file.h"
#include "store/kv_header.h"

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr std::size_t kJsonDepthMax = 4;

tl::unexpected<Error> damaged(std::string_view what) {
    return fail(ErrorCode::kDamaged, fmt::format("the block file's header is damaged: {}", what));
}

std::optional<std::string> text_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains({key.data(), key.size()});
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string().begin(), value->get_string().end());
}

std::optional<std::uint64_t> unsigned_of(const json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
    return std::nullopt;
}

Result<TensorSpec> tensor_of(std::string_view name, const json::value& value, std::uint64_t expected_begin) {
    if (!is_plain(name)) return damaged("a tensor's name");
    if (!value.is_object()) return damaged("a tensor is no object");
    const json::object& object = value.get_object();
    const json::value* shape = object.if_contains("shape");
    const json::value* offsets = object.if_contains("data_offsets");
    const auto dtype = text_of(object, "dtype");
    if (!dtype || shape == nullptr || !shape->is_array() || offsets == nullptr || !offsets->is_array()) {
        return damaged("a tensor lacks dtype, shape or data_offsets");
    }
    if (shape->get_array().size() > kRankMax || offsets->get_array().size() != 2)
        return damaged("a tensor's rank");
    TensorSpec tensor{std::string(name), *dtype, {}, 0};
    for (const json::value& extent : shape->get_array()) {
        const auto number = unsigned_of(extent);
        if (!number) return damaged("a tensor's shape");
        tensor.shape.push_back(*number);
    }
    const auto begin = unsigned_of(offsets->get_array()[0]);
    const auto end = unsigned_of(offsets->get_array()[1]);
    const auto bytes = bytes_of_shape(tensor);
    if (!begin || !end || !bytes || *begin != expected_begin || *end < *begin || *end - *begin != *bytes) {
        return damaged("a tensor's offsets");
    }
    tensor.bytes = *bytes;
    return tensor;
}

// Reads `__metadata__` into spec and frames.
Status read_metadata(const json::object& metadata, BlockSpec& spec, std::vector<Checksum128>& frames) {
    const auto version = text_of(metadata, "format_version");
    if (version != kFormatVersion) return damaged("its format version is unknown");
    const auto kind = text_of(metadata, "kind");
    const auto* const known = std::find_if(kBlockKinds.begin(), kBlockKinds.end(),
                                           [&](const BlockKindInfo& info) { return kind == info.name; });
    if (known == kBlockKinds.end()) return damaged("its kind is unknown");
    spec.kind = known->kind;
    const auto name = Digest256::from_hex(text_of(metadata, "name").value_or(""));
    const auto fingerprint = Digest256::from_hex(text_of(metadata, "fingerprint").value_or(""));
    const std::string parent = text_of(metadata, "parent").value_or("?");
    const auto parent_name = Digest256::from_hex(parent);
    if (!name || !fingerprint || (!parent_name && !parent.empty())) return damaged("a name in it is no hash");
    spec.name = *name;
    spec.fingerprint = *fingerprint;
    if (parent_name) spec.parent = *parent_name;
    const std::string first = text_of(metadata, "first_position").value_or("");
    const auto parsed = std::from_chars(first.data(), first.data() + first.size(), spec.range.begin);
    if (parsed.ec != std::errc() || parsed.ptr != first.data() + first.size()) return damaged("its position");
    spec.kv_type_k = text_of(metadata, "kv_type_k").value_or("");
    spec.kv_type_v = text_of(metadata, "kv_type_v").value_or("");
    for (const std::string& type : {spec.kv_type_k, spec.kv_type_v}) {
        if (!type.empty() && !is_plain(type)) return damaged("a KV type is no plain name");
    }
    const std::string sums = text_of(metadata, "frames").value_or("");
    constexpr std::size_t kHexPerFrame = 32;
    for (std::size_t i = 0; i < sums.size(); i += kHexPerFrame) {
        const auto sum = Checksum128::from_hex(std::string_view(sums).substr(i, kHexPerFrame));
        if (!sum) return damaged("its checksums");
        frames.push_back(*sum);
    }
    return {};
}

Result<DecodedHeader> understand(const json::object& object) {
    DecodedHeader header;
    if (object.size() < 2 || object.size() > kTensorsMax) return damaged("the number of its tensors");
    auto entry = object.begin();
    if (entry->key() != json::string_view(kMetadataName.data(), kMetadataName.size()) ||
        !entry->value().is_object())
        return damaged("its metadata is not first");
    KVASIR_TRY(read_metadata(entry->value().get_object(), header.spec, header.frames));
    for (++entry; entry != object.end(); ++entry) {
        KVASIR_TRY_ASSIGN(TensorSpec tensor, tensor_of({entry->key().data(), entry->key().size()},
                                                       entry->value(), header.data_size));
        if (tensor.bytes > kBlockFileBytesMax - header.data_size) return damaged("its tensors are too large");
        header.data_size += tensor.bytes;
        header.spec.tensors.push_back(std::move(tensor));
    }
    const TensorSpec tokens = header.spec.tensors.back();
    header.spec.tensors.pop_back();
    if (tokens.name != kTokensName || tokens.dtype != "I32" || tokens.shape.size() != 1)
        return damaged("its tokens");
    header.token_count = tokens.shape.front();
    if (header.token_count > kBlockTokens) return damaged("it has too many tokens");
    header.spec.range.end = header.spec.range.begin + static_cast<Position>(header.token_count);
    if (header.spec.range.end < header.spec.range.begin) return damaged("its position");
    return header;
}

}  // namespace

Result<std::uint64_t> decode_header_length(std::span<const std::byte> first_bytes, std::uint64_t file_bytes) {
    if (first_bytes.size() < kHeaderLengthBytes || file_bytes < kHeaderLengthBytes)
        return damaged("it is too short");
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kHeaderLengthBytes; ++i) {
        length |= std::to_integer<std::uint64_t>(first_bytes[i]) << (8 * i);
    }
    if (length < 2 || length > kBlockHeaderBytesMax || length > file_bytes - kHeaderLengthBytes) {
        return damaged("its length");
    }
    return length;
}

Result<DecodedHeader> decode_header(std::span<const std::byte> header, std::uint64_t file_bytes) {
    KVASIR_TRY_ASSIGN(const std::uint64_t length, decode_header_length(header, file_bytes));
    if (header.size() != kHeaderLengthBytes + length) return damaged("its length");
    const auto* begin = reinterpret_cast<const char*>(header.data()) + kHeaderLengthBytes;
    const std::string_view text(begin, length);
    if (text.front() != '{') return damaged("it is no JSON object");
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    boost::system::error_code error;
    const json::value parsed = json::parse({text.data(), text.size()}, error, {}, options);
    if (error || !parsed.is_object()) return damaged("it is no JSON object");
    KVASIR_TRY_ASSIGN(DecodedHeader decoded, understand(parsed.get_object()));
    if (header_text(decoded.spec, decoded.token_count, decoded.frames) != text) {
        return damaged("it is not what this program writes");
    }
    decoded.data_begin = header.size();
    if (decoded.data_size != file_bytes - decoded.data_begin)
        return damaged("the file's size does not fit it");
    if (decoded.frames.size() != (decoded.data_size + kFrameBytes - 1) / kFrameBytes)
        return damaged("its checksums");
    return decoded;
}

}  // namespace kvasir
