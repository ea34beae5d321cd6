// Published vectors, and that no two different inputs meet.
#include "base/hash.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace kvasir::test {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Sha256Test, AgreesWithThePublishedVectors) {
    EXPECT_EQ(Sha256("").finish().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(Sha256("").raw(bytes_of("abc")).finish().hex(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const std::string million(1000000, 'a');
    EXPECT_EQ(Sha256("").raw(bytes_of(million)).finish().hex(),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, RawBytesMayComeInAnyParts) {
    const std::string text = "the same bytes";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Sha256 hash("");
        hash.raw(bytes_of(text.substr(0, cut))).raw(bytes_of(text.substr(cut)));
        EXPECT_EQ(hash.finish(), Sha256("").raw(bytes_of(text)).finish());
    }
}

// The encoding that docs/format.md states, by hand: names on disk depend on it.
TEST(Sha256Test, FieldsAreLengthAndBytesInLittleEndian) {
    std::string encoded;
    const auto append = [&](std::string_view value) {
        const std::uint64_t size = value.size();
        for (unsigned shift = 0; shift < 64; shift += 8) encoded += static_cast<char>(size >> shift);
        encoded += value;
    };
    append("domain");
    append("text");
    append("value");
    append("number");
    append(std::string("\x02\x01\0\0\0\0\0\0", 8));
    append("tokens");
    append(std::string("\x07\0\0\0\xff\xff\xff\xff", 8));
    append("digest");
    append(std::string(32, '\x11'));
    Digest256 ones;
    ones.bytes.fill(0x11);
    const std::vector<Token> tokens = {7, -1};
    Sha256 hash("domain");
    hash.field("text", std::string_view("value")).field("number", std::uint64_t{0x0102});
    hash.field("tokens", std::span(tokens)).field("digest", ones);
    EXPECT_EQ(hash.finish(), Sha256("").raw(bytes_of(encoded)).finish());
}

TEST(Sha256Test, FieldsThatRunIntoEachOtherDiffer) {
    using namespace std::string_view_literals;
    std::set<Digest256> digests;
    digests.insert(Sha256("d").field("a", "bc"sv).finish());
    digests.insert(Sha256("d").field("ab", "c"sv).finish());
    digests.insert(Sha256("da").field("", "bc"sv).finish());
    digests.insert(Sha256("d").field("a", "b"sv).field("c", ""sv).finish());
    digests.insert(Sha256("d").field("a", ""sv).field("bc", ""sv).finish());
    EXPECT_EQ(digests.size(), 5u);

    // Control: without lengths, the same inputs are one.
    std::set<Digest256> joined;
    joined.insert(Sha256("").raw(bytes_of("d")).raw(bytes_of("a")).raw(bytes_of("bc")).finish());
    joined.insert(Sha256("").raw(bytes_of("d")).raw(bytes_of("ab")).raw(bytes_of("c")).finish());
    EXPECT_EQ(joined.size(), 1u);
}

TEST(HexTest, GoesThereAndBack) {
    Digest256 digest;
    for (std::size_t i = 0; i < 32; ++i) digest.bytes[i] = static_cast<std::uint8_t>(i * 8 + 7);
    EXPECT_EQ(Digest256::from_hex(digest.hex()), digest);
    const Checksum128 sum{0x0123456789abcdefULL, 0xfedcba9876543210ULL};
    EXPECT_EQ(sum.hex(), "fedcba98765432100123456789abcdef");
    EXPECT_EQ(Checksum128::from_hex(sum.hex()), sum);
}

TEST(HexTest, RefusesWhatIsNotExactlyOneDigest) {
    const std::string good(64, 'a');
    ASSERT_TRUE(Digest256::from_hex(good));
    for (const std::string& bad :
         {std::string(), good.substr(1), good + "a", "g" + good.substr(1), "A" + good.substr(1),
          " " + good.substr(1), "+" + good.substr(1), std::string(64, '\0')}) {
        EXPECT_FALSE(Digest256::from_hex(bad)) << bad;
    }
    EXPECT_FALSE(Checksum128::from_hex(std::string(31, '0')));
    EXPECT_FALSE(Checksum128::from_hex(std::string(31, '0') + "x"));
}

TEST(FrameChecksumTest, IsBoundToEveryByteOfFileNameAndFrameNumber) {
    const std::string text = "rows of a block";
    std::set<std::string> sums = {frame_checksum({}, 0, bytes_of(text)).hex()};
    for (std::size_t at = 0; at < 32; ++at) {
        Digest256 name;
        name.bytes[at] = 1;
        sums.insert(frame_checksum(name, 0, bytes_of(text)).hex());
    }
    for (unsigned shift = 0; shift < 64; shift += 8)
        sums.insert(frame_checksum({}, std::uint64_t{1} << shift, bytes_of(text)).hex());
    EXPECT_EQ(sums.size(), 1u + 32u + 8u);
    EXPECT_FALSE(sums.insert(frame_checksum({}, 0, bytes_of(text)).hex()).second) << "control: same, same";
}

TEST(FrameChecksumTest, SeesEveryFlippedBit) {
    std::string text(300, 'r');
    const Checksum128 sum = frame_checksum({}, 3, bytes_of(text));
    for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_NE(frame_checksum({}, 3, bytes_of(text)), sum) << bit;
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
    }
    EXPECT_EQ(frame_checksum({}, 3, bytes_of(text)), sum);
}

// Stored files depend on it: a change of the library or of the seed must not go unseen.
TEST(FrameChecksumTest, StaysWhatItWas) {
    EXPECT_EQ(frame_checksum({}, 0, bytes_of("kvasir")).hex(), "7a646af15edd6677a44495f39423288b");
    Digest256 name;
    for (std::size_t i = 0; i < 32; ++i) name.bytes[i] = static_cast<std::uint8_t>(i + 1);
    EXPECT_EQ(frame_checksum(name, 0x0102030405060708ULL, bytes_of("kvasir")).hex(),
              "39ccca349dee45dbf8084f50eb9af056");
}

}  // namespace
}  // namespace kvasir::test
