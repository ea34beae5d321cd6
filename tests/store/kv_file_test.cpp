// The codec alone, without the hash that stands before it in production: what it writes, and that it refuses
// all else.
#include "store/kv_file.h"

#include <cstring>
#include <functional>
#include <string>

#include <gmock/gmock.h>

#include "store/block_fixture.h"
#include "store/kv_header.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<DecodedHeader> decode_file(const std::string& file) {
    const auto bytes = std::as_bytes(std::span(file));
    KVASIR_TRY_ASSIGN(const std::uint64_t length, decode_header_length(bytes, file.size()));
    return decode_header(bytes.first(kHeaderLengthBytes + length), file.size());
}

std::string text_of(const std::string& file) {
    return file.substr(kHeaderLengthBytes, header_bytes_of(file) - kHeaderLengthBytes);
}

// A file with this header text (padded as the format wants) and the data section of another.
std::string with_text(const std::string& file, std::string text) {
    const std::string data = file.substr(header_bytes_of(file));
    text.erase(text.find_last_not_of(' ') + 1);
    while ((kHeaderLengthBytes + text.size()) % kHeaderAlignmentBytes != 0) text += ' ';
    std::string length(kHeaderLengthBytes, '\0');
    for (std::size_t i = 0; i < kHeaderLengthBytes; ++i)
        length[i] = static_cast<char>(text.size() >> (8 * i));
    return length + text + data;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    if (at == std::string::npos) throw std::runtime_error("not in the header: " + from);
    return text.replace(at, from.size(), to);
}

void expect_round_trip(const Block& block) {
    const std::string file = file_of(block);
    EXPECT_EQ(file, file_of(block)) << "the same block is the same bytes";
    const auto decoded = decode_file(file);
    ASSERT_TRUE(decoded) << decoded.error().message;
    BlockSpec without_tokens = block.spec;
    without_tokens.tokens.clear();
    EXPECT_EQ(decoded->spec, without_tokens);
    EXPECT_EQ(decoded->token_count, block.spec.tokens.size());
    EXPECT_EQ(decoded->data_begin % kHeaderAlignmentBytes, 0u);
    EXPECT_EQ(decoded->data_size, data_bytes(block.spec));
    EXPECT_EQ(decoded->data_begin + decoded->data_size, file.size());
    const auto data = std::as_bytes(std::span(file)).subspan(decoded->data_begin);
    EXPECT_EQ(decoded->frames.size(), (data.size() + kFrameBytes - 1) / kFrameBytes);
    EXPECT_TRUE(verify_frames(*decoded, data));
    EXPECT_TRUE(std::ranges::equal(data.first(block.image.size()), block.image))
        << "the row image comes first";
}

TEST(KvFileTest, RoundTrip) {
    expect_round_trip(small_block());
    expect_round_trip(small_block(1, 1));
    expect_round_trip(window_segment());
    expect_round_trip(large_block());
}

// Where image and tokens meet within a frame, at its end, and across it.
TEST(KvFileTest, RoundTripAroundTheEndOfAFrame) {
    for (const std::uint64_t size : {kFrameBytes - 8, kFrameBytes - 4, kFrameBytes - 1, kFrameBytes,
                                     kFrameBytes + 1, 2 * kFrameBytes - 4, 2 * kFrameBytes}) {
        Block block = small_block(7, 1);
        block.spec.tensors = {u8_tensor("layer_0.key", 1, size)};
        block.image = rows_of(3, size);
        expect_round_trip(block);
    }
}

TEST(KvFileTest, TheHeaderIsTheOneThatIsDocumented) {
    const std::string hex = "3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c";
    const std::string text = text_of(file_of(small_block()));
    EXPECT_THAT(text,
                StartsWith(R"({"__metadata__":{"format_version":"1","kind":"append","name":"a13c)" + hex +
                           R"(","parent":"993c)" + hex + R"(","fingerprint":"773c)" + hex +
                           R"(","first_position":"256","kv_type_k":"f16","kv_type_v":"f16","frames":")"));
    EXPECT_THAT(text, HasSubstr(R"("},"layer_0.key":{"dtype":"F16","shape":[3,4],"data_offsets":[0,24]},)"
                                R"("layer_0.value":{"dtype":"F16","shape":[3,4],"data_offsets":[24,48]},)"
                                R"("tokens":{"dtype":"I32","shape":[3],"data_offsets":[48,60]}} )"));
    EXPECT_THAT(text_of(file_of(large_block())), HasSubstr(R"("parent":"")"));
    EXPECT_EQ(
        encode_tokens(std::vector<Token>{1, -2}),
        (std::vector<std::byte>{
            std::byte{1}, {}, {}, {}, std::byte{0xfe}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}}));
}

TEST(KvFileTest, RefusesToWriteWhatItCouldNotRead) {
    const std::vector<std::pair<const char*, std::function<void(Block&)>>> wrongs = {
        {"no tokens", [](Block& b) { b.spec.tokens.clear(), b.spec.range.end = b.spec.range.begin; }},
        {"range backwards", [](Block& b) { b.spec.range.end = 1; }},
        {"a token too few", [](Block& b) { b.spec.tokens.pop_back(); }},
        {"too many tokens", [](Block& b) { b.spec.tokens.resize(257), b.spec.range.end = 256 + 257; }},
        {"image too short", [](Block& b) { b.image.pop_back(); }},
        {"image too long", [](Block& b) { b.image.emplace_back(); }},
        {"bytes that are not the shape's",
         [](Block& b) { ++b.spec.tensors[0].bytes, b.image.emplace_back(); }},
        {"unknown type", [](Block& b) { b.spec.tensors[0].dtype = "F17"; }},
        {"type with a quote", [](Block& b) { b.spec.tensors[0].dtype = "F16\""; }},
        {"rank",
         [](Block& b) {
             b.spec.tensors[0].shape = {3, 4, 1, 1, 1};
         }},
        {"empty extent",
         [](Block& b) {
             b.spec.tensors[0].shape = {3, 4, 0};
         }},
        {"overflow",
         [](Block& b) {
             b.spec.tensors[0].shape = {1ULL << 63U, 2, 3, 4};
         }},
        {"tensors whose sum overflows to the image's size",
         [](Block& b) {
             for (const char* name : {"huge_1", "huge_2"})
                 b.spec.tensors.push_back(u8_tensor(name, 1ULL << 32U, 1ULL << 31U));
         }},
        {"name with a quote", [](Block& b) { b.spec.tensors[0].name = "a\":1,\"b"; }},
        {"empty name", [](Block& b) { b.spec.tensors[0].name.clear(); }},
        {"long name", [](Block& b) { b.spec.tensors[0].name = std::string(65, 'x'); }},
        {"name twice", [](Block& b) { b.spec.tensors[0].name = b.spec.tensors[1].name; }},
        {"name of the tokens", [](Block& b) { b.spec.tensors[0].name = "tokens"; }},
        {"name of the metadata", [](Block& b) { b.spec.tensors[0].name = "__metadata__"; }},
        {"KV type with a quote", [](Block& b) { b.spec.kv_type_k = "f16\""; }},
        {"KV type with a line", [](Block& b) { b.spec.kv_type_v = "f16\n"; }},
    };
    ASSERT_TRUE(encode_header(small_block().spec, small_block().image))
        << "control: unchanged, it is written";
    for (const auto& [what, spoil] : wrongs) {
        Block block = small_block();
        spoil(block);
        const auto header = encode_header(block.spec, block.image);
        ASSERT_FALSE(header) << what;
        EXPECT_EQ(header.error().code, ErrorCode::kInvalidArgument) << what;
    }
}

// As many as the reader takes, and not one more.
TEST(KvFileTest, WritesAsManyTensorsAsItReads) {
    Block block = small_block();
    const auto add_tensor = [&] {
        const std::string name = "layer_" + std::to_string(block.spec.tensors.size()) + ".more";
        block.spec.tensors.push_back(u8_tensor(name, 3, 1));
        block.image.resize(block.spec.image_bytes());
    };
    while (block.spec.tensors.size() < kTensorsMax - 2) add_tensor();
    expect_round_trip(block);
    add_tensor();
    const auto header = encode_header(block.spec, block.image);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().code, ErrorCode::kInvalidArgument);
}

TEST(KvFileTest, RefusesForeignHeaders) {
    const std::string file = file_of(small_block());
    const std::string text = text_of(file);
    ASSERT_TRUE(decode_file(with_text(file, text))) << "control: put together again, the same text is read";
    const std::string key = R"("layer_0.key":{"dtype":"F16","shape":[3,4],"data_offsets":[0,24]})";
    const std::string version = R"("format_version":"1")";
    const auto with_key = [&](const std::string& to) {
        return replaced(text, key, R"("layer_0.key":)" + to);
    };
    const std::string deep = std::string(100000, '[') + std::string(100000, ']');
    const std::vector<std::pair<const char*, std::string>> foreign = {
        {"nothing", ""},
        {"empty object", "{}"},
        {"array", "[]"},
        {"white space first", " " + text},
        {"white space within", replaced(text, "},\"layer_0.key", "}, \"layer_0.key")},
        {"line feed for padding", replaced(text, "}} ", "}}\n")},
        {"second document", replaced(text, "}} ", "}}{}")},
        {"NUL for padding", replaced(text, "}} ", std::string("}}\0", 3))},
        {"no metadata", replaced(text, "__metadata__", "__metadatb__")},
        {"metadata twice", replaced(text, "{\"__m", "{\"__metadata__\":{},\"__m")},
        {"metadata last", "{" + text.substr(text.find("},\"") + 2, text.rfind("}}") - text.find("},\"") - 1) +
                              "," + text.substr(1, text.find("},\"")) + "}"},
        {"metadata of numbers", replaced(text, R"("first_position":"256")", R"("first_position":256)")},
        {"version 2", replaced(text, version, R"("format_version":"2")")},
        {"version twice", replaced(text, version, version + "," + version)},
        {"more metadata", replaced(text, version, version + R"(,"more":"1")")},
        {"less metadata", replaced(text, version + ",", "")},
        {"escape", replaced(text, R"("kind":"append")", R"("kind":"\u0061ppend")")},
        {"unknown kind", replaced(text, R"("kind":"append")", R"("kind":"appenD")")},
        {"position of zeros", replaced(text, R"("256")", R"("0256")")},
        {"negative position", replaced(text, R"("256")", R"("-256")")},
        {"position too large", replaced(text, R"("256")", R"("4294967296")")},
        {"range past the last position", replaced(text, R"("256")", R"("4294967294")")},
        {"KV type that is no name", replaced(text, R"("kv_type_k":"f16")", R"("kv_type_k":"f,16")")},
        {"capital hex", replaced(text, "a13c", "A13c")},
        {"short name", replaced(text, "a13c", "a13")},
        {"short parent", replaced(text, "993c", "99")},
        {"a checksum too many", replaced(text, R"("frames":")", R"("frames":")" + std::string(32, '0'))},
        {"half a checksum", replaced(text, R"("frames":")", R"("frames":")" + std::string(16, '0'))},
        {"no checksum", replaced(text, text.substr(text.find(R"("frames":")"), 43), R"("frames":"")")},
        {"tensor twice", replaced(text, key, key + "," + key)},
        {"tensor left out", replaced(text, key + ",", "")},
        {"tensor is a number", with_key("1")},
        {"name with NUL", replaced(text, "layer_0.key", R"(layer_0\u0000key)")},
        {"name that is no UTF-8", replaced(text, "layer_0.key",
                                           "layer_0\xff"
                                           "key")},
        {"name with a line", replaced(text, "layer_0.key", "layer_0\nkey")},
        {"name with a slash", replaced(text, "layer_0.key", "../er_0.key")},
        {"empty name", replaced(text, "layer_0.key", "")},
        {"unknown type", with_key(R"({"dtype":"F8","shape":[3,8],"data_offsets":[0,24]})")},
        {"type is a number", with_key(R"({"dtype":16,"shape":[3,4],"data_offsets":[0,24]})")},
        {"rank 5", with_key(R"({"dtype":"F16","shape":[3,4,1,1,1],"data_offsets":[0,24]})")},
        {"negative shape", with_key(R"({"dtype":"F16","shape":[-3,-4],"data_offsets":[0,24]})")},
        {"broken shape", with_key(R"({"dtype":"F16","shape":[3.0,4],"data_offsets":[0,24]})")},
        {"shape 1e1", with_key(R"({"dtype":"F16","shape":[1.2e1],"data_offsets":[0,24]})")},
        {"shape that overflows to the right product",
         with_key(R"({"dtype":"F16","shape":[9223372036854775820],"data_offsets":[0,24]})")},
        {"a tensor of nothing",
         replaced(replaced(text, key, R"("layer_0.key":{"dtype":"F16","shape":[0,4],"data_offsets":[0,0]})"),
                  R"("shape":[3,4],"data_offsets":[24,48])", R"("shape":[6,4],"data_offsets":[0,48])")},
        {"shape of 2^64",
         with_key(R"({"dtype":"F16","shape":[18446744073709551616],"data_offsets":[0,24]})")},
        {"hole", with_key(R"({"dtype":"F16","shape":[3,4],"data_offsets":[8,32]})")},
        {"too few bytes", with_key(R"({"dtype":"F16","shape":[3,4],"data_offsets":[0,16]})")},
        {"offsets backwards", with_key(R"({"dtype":"F16","shape":[3,4],"data_offsets":[24,0]})")},
        {"one offset", with_key(R"({"dtype":"F16","shape":[3,4],"data_offsets":[0]})")},
        {"three offsets", with_key(R"({"dtype":"F16","shape":[3,4],"data_offsets":[0,24,24]})")},
        {"overlap", replaced(text, "[24,48]", "[0,24]")},
        {"tokens that are no I32",
         replaced(text, R"("dtype":"I32","shape":[3])", R"("dtype":"F32","shape":[3])")},
        {"tokens of rank 2",
         replaced(text, R"("dtype":"I32","shape":[3])", R"("dtype":"I32","shape":[3,1])")},
        {"no tokens", replaced(text, R"("tokens":)", R"("tokenz":)")},
        {"deep", replaced(text, key, R"("layer_0.key":)" + deep)},
        {"deep and open", "{\"a\":" + std::string(1000000, '[')},
    };
    for (const auto& [what, other] : foreign) {
        const auto decoded = decode_file(with_text(file, other));
        ASSERT_FALSE(decoded) << what;
        EXPECT_EQ(decoded.error().code, ErrorCode::kDamaged) << what;
    }
}

TEST(KvFileTest, RefusesLengthsThatCannotBe) {
    const std::string file = file_of(small_block());
    const auto with_length = [&](std::uint64_t length) {
        std::string changed = file;
        for (std::size_t i = 0; i < kHeaderLengthBytes; ++i)
            changed[i] = static_cast<char>(length >> (8 * i));
        return decode_header_length(std::as_bytes(std::span(changed)), changed.size());
    };
    ASSERT_TRUE(with_length(file.size() - kHeaderLengthBytes)) << "control: as long as the file can be";
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{1}, file.size() - kHeaderLengthBytes + 1, kBlockHeaderBytesMax,
          kBlockHeaderBytesMax + 1, std::uint64_t{1} << 32U, std::uint64_t{1} << 63U, ~std::uint64_t{0},
          ~std::uint64_t{7}}) {
        EXPECT_FALSE(with_length(length)) << length;
    }
    const std::string zeros(16, '\0');
    EXPECT_FALSE(decode_header_length(std::as_bytes(std::span(zeros)).first(7), 7));
    std::string huge(kHeaderLengthBytes, '\0');
    huge[3] = 1;  // 16 MiB, in a file that would be large enough
    EXPECT_FALSE(decode_header_length(std::as_bytes(std::span(huge)), kBlockFileBytesMax));
}

TEST(KvFileTest, RefusesFilesOfAnotherLength) {
    const std::string file = file_of(small_block());
    ASSERT_TRUE(decode_file(file));
    for (std::size_t size = 0; size < file.size(); ++size)
        EXPECT_FALSE(decode_file(file.substr(0, size))) << size;
    EXPECT_FALSE(decode_file(file + '\0'));
    EXPECT_FALSE(decode_file(file + file));
}

// A changed byte gives a refusal or, where it stands for a value, another value: never the same block.
TEST(KvFileTest, NoMutationOfTheHeaderGoesUnseen) {
    const std::string file = file_of(small_block());
    const DecodedHeader original = must_have(decode_file(file));
    int other_values = 0;
    for (std::size_t at = 0; at < header_bytes_of(file); ++at) {
        for (int value = 0; value < 256; ++value) {
            if (static_cast<char>(value) == file[at]) continue;
            std::string mutated = file;
            mutated[at] = static_cast<char>(value);
            const auto decoded = decode_file(mutated);
            if (!decoded) continue;
            ++other_values;
            ASSERT_FALSE(decoded->spec == original.spec && decoded->frames == original.frames)
                << "byte " << at << " value " << value;
        }
    }
    EXPECT_GT(other_values, 1000) << "control: hex digits of names do decode, so the hash before is needed";
}

TEST(KvFileTest, EveryFlippedBitOfTheDataIsSeenAndOnlyByTheChecksums) {
    const std::string file = file_of(small_block());
    const std::size_t begin = header_bytes_of(file);
    for (std::size_t bit = 8 * begin; bit < 8 * file.size(); ++bit) {
        std::string mutated = file;
        mutated[bit / 8] = static_cast<char>(mutated[bit / 8] ^ (1 << (bit % 8)));
        const auto decoded = decode_file(mutated);
        ASSERT_TRUE(decoded) << "control: without the checksums nobody would see it";
        const Status verified = verify_frames(*decoded, std::as_bytes(std::span(mutated)).subspan(begin));
        ASSERT_FALSE(verified) << bit;
        EXPECT_EQ(verified.error().code, ErrorCode::kDamaged);
    }
}

TEST(KvFileTest, FramesAreBoundToTheirPlaceAndTheirFile) {
    const Block block = large_block();
    const std::string file = file_of(block);
    const DecodedHeader decoded = must_have(decode_file(file));
    ASSERT_GE(decoded.frames.size(), 3u);
    const auto verified = [&](const std::string& data) {
        const Status status = verify_frames(decoded, std::as_bytes(std::span(data)));
        return status ? std::string("good") : status.error().message;
    };
    const std::string data = file.substr(decoded.data_begin);
    EXPECT_EQ(verified(data), "good");
    std::string swapped = data;
    std::swap_ranges(swapped.begin(), swapped.begin() + kFrameBytes, swapped.begin() + kFrameBytes);
    EXPECT_THAT(verified(swapped), HasSubstr("frame 0"));
    std::string twice = data;
    std::copy_n(twice.begin(), kFrameBytes, twice.begin() + kFrameBytes);
    EXPECT_THAT(verified(twice), HasSubstr("frame 1"));
    std::string zeros = data;
    std::fill_n(zeros.begin() + 2 * kFrameBytes + 4096, 4096, '\0');
    EXPECT_THAT(verified(zeros), HasSubstr("frame 2"));
    EXPECT_NE(verified(data.substr(1)), "good");

    // Frames with the same bytes, in places of their own: exchanged checksums are seen.
    Block uniform = large_block();
    std::fill(uniform.image.begin(), uniform.image.end(), std::byte{7});
    DecodedHeader same = must_have(decode_file(file_of(uniform)));
    EXPECT_NE(same.frames[0], same.frames[1]);
    same.spec.name.bytes[5] ^= 1;
    const std::string uniform_file = file_of(uniform);
    EXPECT_FALSE(verify_frames(same, std::as_bytes(std::span(uniform_file)).subspan(same.data_begin)));
}

}  // namespace
}  // namespace kvasir::test
