// A whole block file, read as the store reads it: the catalog is made to expect this size and this header, so
// that the bytes get as far as they can. Frame checksums are not looked at in fuzzing builds.
#include <algorithm>

#include "fuzz/fuzz_target.h"

#include "base/limits.h"
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

// A catalog that knows another header, another block or other tokens refuses the same bytes.
void check_foreign(BlockFiles& blocks, const StoredBlock& stored, const BlockSpec& expected) {
    std::vector<std::byte> image;
    StoredBlock other_hash = stored;
    other_hash.header_hash.bytes[0] ^= 1U;
    require(!blocks.read(other_hash, expected, image), "a header of another hash is refused");
    BlockSpec other_place = expected;
    other_place.range.begin ^= 1U;
    require(!blocks.read(stored, other_place, image), "a block of another place is refused");
    BlockSpec other_tokens = expected;
    other_tokens.tokens.push_back(1);
    require(!blocks.read(stored, other_tokens, image), "a block of other tokens is refused");
    StoredBlock other_size = stored;
    ++other_size.file_bytes;
    require(!blocks.read(other_size, expected, image), "a file of another size is refused");
}

// As a restore reads it, part by part: the same header and tokens are refused, and the rows are the same.
void check_reader(BlockFiles& blocks, const StoredBlock& stored, const BlockSpec& expected,
                  std::span<const std::byte> image) {
    const auto reader = blocks.open(stored, expected);
    require(reader.has_value() && reader->image_bytes() == image.size(),
            "what is read whole is read in parts");
    std::vector<std::byte> buffer(kRowPartBytes);
    std::vector<std::byte> rows;
    for (std::uint64_t number = 0; number * kRowPartBytes < image.size(); ++number) {
        const auto part = reader->part(number, buffer);
        require(part.has_value(), "each part is there");
        rows.insert(rows.end(), part->begin(), part->end());
    }
    require(std::ranges::equal(rows, image), "and together they are the image");
    require(!reader->part(image.size() / kRowPartBytes + 1, buffer), "a part behind the last is refused");
    require(!reader->part(0, std::span(buffer).first(1)), "a buffer without room is refused");
    BlockSpec other_tokens = expected;
    other_tokens.tokens.push_back(1);
    require(!blocks.open(stored, other_tokens), "a block of other tokens is refused");
}

// Parts of the image are the image's.
void check_parts(BlockFiles& blocks, const StoredBlock& stored, const BlockSpec& expected,
                 std::span<const std::byte> image) {
    const auto bytes = blocks.image_bytes(stored, expected);
    require(bytes.has_value() && *bytes == image.size(), "the header says how long the image is");
    std::vector<std::byte> part(image.size() / 2 + 1);
    for (const std::size_t begin : {std::size_t{0}, image.size() / 3, image.size() / 2, image.size()}) {
        const Status read = blocks.read_part(stored, expected, begin, part);
        require(read.has_value() == (begin + part.size() <= image.size()), "a part is read when it is there");
        require(!read || std::ranges::equal(part, image.subspan(begin, part.size())), "and is that part");
    }
    if (expected.kind != BlockKind::kSnapshot || expected.tensors.size() != 1) return;
    BlockSpec unknown = expected;
    unknown.tensors.front().bytes = 0;
    std::vector<std::byte> again;
    require(blocks.read(stored, unknown, again).has_value() && std::ranges::equal(again, image),
            "a state whose size is not known is read");
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
    const StoredBlock stored = stored_as(expected, header, file.size());
    const Status read = blocks.read(stored, expected, image);
    if (!read) {
        require(read.error().code == ErrorCode::kDamaged, "a file is refused as damaged");
        return Outcome::kRefused;
    }
    require(image.size() == expected.image_bytes(), "the rows are what the header says");
    check_foreign(blocks, stored, expected);
    check_reader(blocks, stored, expected, image);
    check_parts(blocks, stored, expected, image);
    // A file that is accepted is the file that the writer makes, but for the checksums that are not looked at
    // here.
    const auto again = encode_header(expected, image);
    require(again.has_value() && again->size() == header.size(), "what was read can be written");
    // Any token is a token to a file; no file of the corpus has a negative one.
    const bool rare =
        std::any_of(expected.tokens.begin(), expected.tokens.end(), [](Token t) { return t < 0; });
    return rare ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
