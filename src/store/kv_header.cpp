#include "store/kv_header.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "store/kv_file.h"

namespace kvasir {

namespace {

constexpr std::size_t kPlainBytesMax = 64;

std::uint64_t bytes_of_element(std::string_view dtype) {
    if (dtype == "U8") return 1;
    if (dtype == "F16" || dtype == "BF16") return 2;
    if (dtype == "F32" || dtype == "I32") return 4;
    return 0;
}

std::string tensor_text(const TensorSpec& tensor, std::uint64_t begin) {
    return fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", tensor.name,
                       tensor.dtype, fmt::join(tensor.shape, ","), begin, begin + tensor.bytes);
}

}  // namespace

bool is_plain(std::string_view text) {
    const auto is_plain_character = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.';
    };
    return !text.empty() && text.size() <= kPlainBytesMax &&
           std::all_of(text.begin(), text.end(), is_plain_character);
}

std::optional<std::uint64_t> bytes_of_shape(const TensorSpec& tensor) {
    std::uint64_t bytes = bytes_of_element(tensor.dtype);
    if (bytes == 0 || tensor.shape.size() > kRankMax) return std::nullopt;
    for (const std::uint64_t extent : tensor.shape) {
        if (extent == 0 || bytes > std::numeric_limits<std::uint64_t>::max() / extent) return std::nullopt;
        bytes *= extent;
    }
    return bytes;
}

std::string header_text(const BlockSpec& spec, std::uint64_t token_count,
                        std::span<const Checksum128> frames) {
    std::string sums;
    for (const Checksum128& frame : frames) sums += frame.hex();
    std::string text = fmt::format(
        R"({{"__metadata__":{{"format_version":"{}","kind":"{}","name":"{}","parent":"{}","fingerprint":"{}",)"
        R"("first_position":"{}","kv_type_k":"{}","kv_type_v":"{}","frames":"{}"}})",
        kFormatVersion, to_string(spec.kind), spec.name.hex(), spec.parent ? spec.parent->hex() : "",
        spec.fingerprint.hex(), spec.range.begin, spec.kv_type_k, spec.kv_type_v, sums);
    std::uint64_t offset = 0;
    for (const TensorSpec& tensor : spec.tensors) {
        text += tensor_text(tensor, offset);
        offset += tensor.bytes;
    }
    text +=
        tensor_text({std::string(kTokensName), "I32", {token_count}, token_count * sizeof(Token)}, offset);
    text += '}';
    const std::size_t whole = kHeaderLengthBytes + text.size();
    text.append((kHeaderAlignmentBytes - whole % kHeaderAlignmentBytes) % kHeaderAlignmentBytes, ' ');
    return text;
}

}  // namespace kvasir
