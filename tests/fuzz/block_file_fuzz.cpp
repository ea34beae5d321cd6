// A whole block file, read as the store reads it: the catalog is made to expect this size and this header, so
// that the bytes get as far as they can. Frame checksums are not looked at in fuzzing builds.
#include "fuzz/fuzz_target.h"

#include "store/block_files.h"
#include "store/kv_file.h"
#include "support/fault_file_system.h"

namespace kvasir::fuzz {

namespace {

StoredBlock stored_as(const BlockSpec& spec, std::span<const std::byte> header, std::uint64_t file_bytes) {
    StoredBlock stored;
    stored.kind = spec.kind;
    stored.name = spec.name;
    stored.parent = spec.parent;
    stored.range = spec.range;
    stored.tokens = spec.tokens;
    stored.header_hash = Sha256("").raw(header).finish();
    stored.file_bytes = file_bytes;
    return stored;
}

// What the reader expects: what the file says, tokens included; so it is refused for what does not fit
// itself.
BlockSpec expected_of(std::span<const std::byte> file, std::span<const std::byte> header) {
    const auto decoded = decode_header(header, file.size());
    BlockSpec spec;
    if (!decoded) return spec;
    spec = decoded->spec;
    const auto tail = file.subspan(decoded->data_begin + spec.image_bytes());
    for (std::uint64_t i = 0; i < decoded->token_count; ++i) {
        std::uint32_t token = 0;
        for (unsigned byte = 0; byte < 4; ++byte)
            token |= std::to_integer<std::uint32_t>(tail[4 * i + byte]) << (8 * byte);
        spec.tokens.push_back(static_cast<Token>(token));
    }
    return spec;
}

std::span<const std::byte> header_of(std::span<const std::byte> file) {
    const auto length = decode_header_length(file, file.size());
    return length ? file.first(kHeaderLengthBytes + *length) : std::span<const std::byte>();
}

}  // namespace

Outcome run_target(Input input) {
    const auto file = std::as_bytes(input);
    const std::span<const std::byte> header = header_of(file);
    const BlockSpec expected = expected_of(file, header);
    test::FaultFileSystem files;
    BlockFiles blocks(files, "/store");
    const std::string path = blocks.path_of(expected.kind, expected.name);
    require(files.make_directories(path.substr(0, path.rfind('/'))).has_value(),
            "a directory in memory is made");
    const std::span<const std::byte> parts[] = {file};
    require(files.write_new_synced(path, parts).has_value(), "a file in memory is written");
    std::vector<std::byte> image;
    const Status read = blocks.read(stored_as(expected, header, file.size()), expected, image);
    if (!read) {
        require(read.error().code == ErrorCode::kDamaged, "a file is refused as damaged");
        return Outcome::kRefused;
    }
    require(image.size() == expected.image_bytes(), "the rows are what the header says");
    // A file that is accepted is the file that the writer makes, but for the checksums that are not looked at
    // here.
    const auto again = encode_header(expected, image);
    require(again.has_value() && again->size() == header.size(), "what was read can be written");
    return !image.empty() && image.front() == std::byte{0xAB} ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
