// The header of a block file. Input: 8 bytes, the size that the file has; then its first 8 + N bytes.
#include "fuzz/byte_feed.h"

#include "store/kv_file.h"
#include "store/kv_header.h"

namespace kvasir::fuzz {

Outcome run_target(Input input) {
    ByteFeed feed(input);
    const auto file_bytes = static_cast<std::uint64_t>(feed.number());
    const std::span<const std::byte> header = std::as_bytes(feed.rest());
    const auto decoded = decode_header(header, file_bytes);
    if (!decoded) {
        require(decoded.error().code == ErrorCode::kDamaged, "a header is refused as damaged");
        return Outcome::kRefused;
    }
    require(decoded->data_begin + decoded->data_size == file_bytes, "header and data are the whole file");
    require(decoded->spec.image_bytes() + 4 * decoded->token_count == decoded->data_size,
            "rows and tokens are the data");
    require(decoded->token_count <= 256 && decoded->spec.range.size() == decoded->token_count,
            "its tokens fit its range");
    const std::string again = header_text(decoded->spec, decoded->token_count, decoded->frames);
    require(again == text_of(input.subspan(16)), "what was understood is what is written");
    for (const std::string& type : {decoded->spec.kv_type_k, decoded->spec.kv_type_v})
        require(type.empty() || is_plain(type), "a KV type is a name that our writer would write");
    // All files of the corpus have this type.
    return decoded->spec.kv_type_k == "f16" ? Outcome::kAccepted : Outcome::kRare;
}

}  // namespace kvasir::fuzz
