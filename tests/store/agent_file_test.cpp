// The header of an exported agent: what is written is read back the same, and nothing else is read.
#include "store/agent_file.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/agent_file_header.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

AgentFileHeader example() {
    AgentFileHeader header;
    header.agent_id = "ada";
    header.agent_type = "tester";
    header.title = "A \"title\" with \\ and \n and \xc3\xa9";
    header.system_prompt = "You are Ada.";
    header.when_full = "refuse";
    header.timestamp = "2026-01-02T03:04:05Z";
    header.model = "tiny";
    header.created_unix_ms = 1'700'000'000'000;
    header.fingerprint.bytes.fill(0x22);
    header.model_fields = {{"weights", "aa"}, {"tokenizer", "bb"}};
    header.kv_fields = {{"kv_type_k", "f16"}};
    header.cache_tokens = 5;
    header.windows = {{0, 2}, {1, 5}};
    header.snapshots = {2, 5};
    header.conversation_history = "[]";
    header.turns = {{"", "", "{}", "", 0, 3, 3, 7}, {"hi", "ho", "{}", "stop", 3, 3, 2, 8}};
    header.tensors = {{"tokens", "I32", {6}, 24},
                      {"turn_tokens", "I32", {6}, 24},
                      {"layer_0/key", "F16", {5, 4}, 40},
                      {"snapshot_5/layer_1/r", "F32", {1, 2}, 8},
                      {"mac", "U8", {4, 32}, 128}};
    return header;
}

std::vector<std::byte> encoded(const AgentFileHeader& header) {
    auto bytes = encode_agent_header(header);
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes.value_or(std::vector<std::byte>());
}

Result<AgentFileHeader> decoded(const std::vector<std::byte>& bytes, const AgentFileHeader& header) {
    return decode_agent_header(bytes, bytes.size() + header.data_bytes());
}

std::vector<std::byte> from_text(const std::string& text) {
    std::vector<std::byte> bytes;
    for (unsigned shift = 0; shift < 64; shift += 8)
        bytes.push_back(static_cast<std::byte>(std::uint64_t{text.size()} >> shift));
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
}

TEST(AgentFile, IsReadBackAsItWasWritten) {
    const AgentFileHeader header = example();
    const auto bytes = encoded(header);
    EXPECT_EQ(bytes.size() % 64, 0U);
    EXPECT_EQ(encoded(header), bytes);
    const auto again = decoded(bytes, header);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, header);
    const auto span = find_tensor(*again, "layer_0/key");
    ASSERT_TRUE(span);
    EXPECT_EQ(span->offset, 48U);
    EXPECT_EQ(span->bytes, 40U);
    EXPECT_FALSE(find_tensor(*again, "layer_1/key"));
    EXPECT_EQ(
        decode_tokens(std::vector<std::byte>{
            std::byte{1}, {}, {}, {}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}}),
        (std::vector<Token>{1, -1}));
}

// Every byte of the header in turn: refused, or it says something else and that is what is read.
TEST(AgentFile, EveryChangedByteIsRefusedOrMeansSomethingElse) {
    const AgentFileHeader header = example();
    const auto bytes = encoded(header);
    std::size_t refused = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        for (const unsigned bit : {0U, 3U, 7U}) {
            auto changed = bytes;
            changed[i] ^= static_cast<std::byte>(1U << bit);
            const auto read = decoded(changed, header);
            if (!read) {
                EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
                ++refused;
            } else {
                EXPECT_NE(*read, header) << i;
            }
        }
    }
    EXPECT_GT(refused, bytes.size());
}

TEST(AgentFile, WhatIsNotOurTextIsRefused) {
    const AgentFileHeader header = example();
    const std::string text = agent_header_text(header);
    const auto refused = [&](const std::string& changed, const char* what) {
        const auto bytes = from_text(changed);
        const auto read = decoded(bytes, header);
        ASSERT_FALSE(read) << what;
        EXPECT_THAT(read.error().message, HasSubstr("no agent that was exported")) << what;
    };
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string changed = text;
        const std::size_t at = changed.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return changed.replace(at, from.size(), to);
    };
    refused("", "nothing");
    refused("{}", "an empty object");
    refused("[" + text + "]", "an array");
    refused(" " + text, "white space before it");
    refused(text + " ", "white space behind it");
    refused(with("kvasir-agent", "other-agent"), "another format");
    refused(with("\"format_version\":\"1\"", "\"format_version\":\"2\""), "another version");
    refused(with("\"cache_tokens\":\"5\"", "\"cache_tokens\":\"05\""), "another way to write a number");
    refused(with("\"cache_tokens\":\"5\"", "\"cache_tokens\":5"), "a number");
    refused(with("\"cache_tokens\":\"5\"", "\"cache_tokens\":\"5\",\"x\":\"y\""), "a field of others");
    refused(with("[[0,2],[1,5]]", "[[1,5],[0,2]]"), "windows in another order");
    refused(with("[[0,2],[1,5]]", "[[0,2],[5,5]]"), "an empty window");
    refused(with("[[0,2],[1,5]]", "[[0,2],[1,300]]"), "a window over two blocks");
    refused(with("[2,5]", "[5,2]"), "states in another order");
    refused(with("layer_0/key", "layer_0//key"), "a name with a gap");
    refused(with("layer_0/key", "../../../key"), "a name that leads away");
    refused(with("[48,88]", "[40,88]"), "tensors that overlap");
    refused(with("[48,88]", "[48,89]"), "a tensor of other bytes");
    refused(with("[5,4]", "[5,4,1,1,1]"), "a rank too high");
    refused(with("[5,4]", "[4611686018427387904,4]"), "a shape that overflows");
    refused(with("\\\"tokens\\\":3", "\\\"tokens\\\":-3"), "a negative count");
    refused(with("\\\"tokens\\\":3", "\\\"tokens\\\":3.0"), "a fraction");
    const auto bytes = encoded(header);
    EXPECT_FALSE(decode_agent_header(bytes, bytes.size() + header.data_bytes() + 1)) << "a trailing byte";
    EXPECT_FALSE(decode_agent_header(bytes, bytes.size() + header.data_bytes() - 1));
    EXPECT_FALSE(decode_agent_header(std::span(bytes).first(7), 7));
    EXPECT_TRUE(decoded(from_text(text), header)) << "the control";
}

TEST(AgentFile, HasLimits) {
    AgentFileHeader header = example();
    header.conversation_history.assign(kAgentFileHeaderBytesMax, 'x');
    EXPECT_EQ(encode_agent_header(header).error().code, ErrorCode::kInvalidArgument);
    std::vector<std::byte> huge(8, std::byte{0xff});
    EXPECT_FALSE(decode_agent_header_length(huge, UINT64_MAX));
    std::string deep = "{\"__metadata__\":";
    for (int i = 0; i < 100'000; ++i) deep += '[';
    EXPECT_FALSE(decode_agent_header(from_text(deep), from_text(deep).size()));
    EXPECT_TRUE(is_tensor_path("a/b/c/d"));
    EXPECT_FALSE(is_tensor_path("a/b/c/d/e"));
    EXPECT_FALSE(is_tensor_path(""));
    EXPECT_FALSE(is_tensor_path("a/"));
}

}  // namespace
}  // namespace kvasir::test
