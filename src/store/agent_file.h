// The header of the one file that an agent is exported to: valid safetensors, with the conversation in its
// `__metadata__`. docs/format.md has every field. Pure functions over bytes, thread-safe; no knowledge of
// models. Decoding trusts nothing: it is the parser for hostile input, and what it understood is written
// again and must be the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/tokens.h"
#include "store/block.h"

namespace kvasir {

struct AgentFileTurn {
    std::string user_text;
    std::string assistant_text;
    std::string messages;  // opaque text of the memory layer
    std::string finish_reason;
    Position token_begin = 0;
    std::uint32_t token_count = 0;
    std::uint32_t prompt_token_count = 0;  // of them
    std::int64_t created_unix_ms = 0;
    friend bool operator==(const AgentFileTurn&, const AgentFileTurn&) = default;
};

struct AgentFileHeader {
    std::string agent_id;  // its name
    std::string agent_type;
    std::string title;
    std::string system_prompt;
    std::string when_full;
    std::string timestamp;  // of the export, RFC 3339
    std::string model;      // its name, for people
    std::int64_t created_unix_ms = 0;
    Digest256 fingerprint;
    std::vector<std::pair<std::string, std::string>> model_fields;  // what the fingerprint is made of
    std::vector<std::pair<std::string, std::string>> kv_fields;
    Position cache_tokens = 0;         // rows and state of so many tokens are in the file
    std::vector<TokenRange> windows;   // segments of window rows, each inside one block
    std::vector<Position> snapshots;   // where states were taken
    std::string conversation_history;  // JSON, for people: import goes by `turns`
    std::vector<AgentFileTurn> turns;  // from the root to the head
    std::vector<TensorSpec> tensors;   // in the order of their data
    friend bool operator==(const AgentFileHeader&, const AgentFileHeader&) = default;

    std::uint64_t data_bytes() const {
        std::uint64_t bytes = 0;
        for (const TensorSpec& tensor : tensors) bytes += tensor.bytes;
        return bytes;
    }
};

// The first 8 + N bytes of the file. kInvalidArgument: more than such a file may hold.
Result<std::vector<std::byte>> encode_agent_header(const AgentFileHeader& header);

// N, from the first 8 bytes. kInvalidArgument, as below.
Result<std::uint64_t> decode_agent_header_length(std::span<const std::byte> first_bytes,
                                                 std::uint64_t file_bytes);
// `bytes` are the first 8 + N of the file. kInvalidArgument says what is wrong.
Result<AgentFileHeader> decode_agent_header(std::span<const std::byte> bytes, std::uint64_t file_bytes);

// Where a tensor's bytes lie, counted from the end of the header; nothing when it is not there.
struct AgentFileSpan {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};
std::optional<AgentFileSpan> find_tensor(const AgentFileHeader& header, std::string_view name);

// Tokens as they stand in the file: little-endian int32. `bytes` is a multiple of 4.
std::vector<Token> decode_tokens(std::span<const std::byte> bytes);

inline constexpr const char* kAgentFileTokens = "tokens";  // of the conversation, as rows follow them
inline constexpr const char* kAgentFileTurnTokens = "turn_tokens";  // what each turn added
inline constexpr const char* kAgentFileMacs = "mac";                // one per piece

// 1 to 4 plain names with '/' between them.
bool is_tensor_path(std::string_view name);

}  // namespace kvasir
