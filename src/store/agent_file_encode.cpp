#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "store/agent_file_header.h"
#include "store/kv_file.h"
#include "store/kv_header.h"

namespace kvasir {

namespace {

namespace json = boost::json;

json::object turn_json(const AgentFileTurn& turn) {
    return {{"user", turn.user_text},
            {"assistant", turn.assistant_text},
            {"token_begin", turn.token_begin},
            {"tokens", turn.token_count},
            {"prompt_tokens", turn.prompt_token_count},
            {"finish_reason", turn.finish_reason},
            {"created_unix_ms", turn.created_unix_ms},
            {"messages", turn.messages}};
}

std::string turns_text(const AgentFileHeader& header) {
    json::array turns;
    turns.reserve(header.turns.size());
    for (const AgentFileTurn& turn : header.turns) turns.push_back(turn_json(turn));
    return json::serialize(turns);
}

std::string windows_text(const AgentFileHeader& header) {
    json::array windows;
    for (const TokenRange& range : header.windows) windows.push_back(json::array{range.begin, range.end});
    return json::serialize(windows);
}

std::string snapshots_text(const AgentFileHeader& header) {
    json::array ends;
    for (const Position end : header.snapshots) ends.push_back(end);
    return json::serialize(ends);
}

json::object metadata_of(const AgentFileHeader& header) {
    json::object metadata{{"format", kAgentFileFormat},
                          {"format_version", kAgentFileVersion},
                          {"agent_id", header.agent_id},
                          {"agent_type", header.agent_type},
                          {"title", header.title},
                          {"system_prompt", header.system_prompt},
                          {"when_full", header.when_full},
                          {"timestamp", header.timestamp},
                          {"created_unix_ms", std::to_string(header.created_unix_ms)},
                          {"cache_tokens", std::to_string(header.cache_tokens)},
                          {"model", header.model},
                          {"fingerprint", header.fingerprint.hex()}};
    for (const auto& [name, value] : header.model_fields)
        metadata[std::string(kModelFieldPrefix) + name] = value;
    for (const auto& [name, value] : header.kv_fields) metadata[std::string(kKvFieldPrefix) + name] = value;
    metadata["windows"] = windows_text(header);
    metadata["snapshots"] = snapshots_text(header);
    metadata["conversation_history"] = header.conversation_history;
    metadata["turns"] = turns_text(header);
    return metadata;
}

tl::unexpected<Error> too_large(const AgentFileHeader& header, std::string_view what) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the agent {} cannot be exported: {}", header.agent_id, what));
}

}  // namespace

std::string agent_header_text(const AgentFileHeader& header) {
    std::string text = "{\"__metadata__\":" + json::serialize(metadata_of(header));
    std::uint64_t offset = 0;
    for (const TensorSpec& tensor : header.tensors) {
        text += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", tensor.name,
                            tensor.dtype, fmt::join(tensor.shape, ","), offset, offset + tensor.bytes);
        offset += tensor.bytes;
    }
    text += '}';
    const std::size_t whole = kHeaderLengthBytes + text.size();
    text.append((kHeaderAlignmentBytes - whole % kHeaderAlignmentBytes) % kHeaderAlignmentBytes, ' ');
    return text;
}

Result<std::vector<std::byte>> encode_agent_header(const AgentFileHeader& header) {
    if (header.turns.size() > kAgentFileTurnsMax)
        return too_large(header, fmt::format("it has more than {} turns", kAgentFileTurnsMax));
    if (header.windows.size() > kAgentFilePointsMax || header.snapshots.size() > kAgentFilePointsMax)
        return too_large(header, "it has too many points to go on from");
    const std::string text = agent_header_text(header);
    if (text.size() > kAgentFileHeaderBytesMax)
        return too_large(header, fmt::format("its texts take more than {} bytes", kAgentFileHeaderBytesMax));
    std::vector<std::byte> bytes;
    bytes.reserve(kHeaderLengthBytes + text.size());
    for (unsigned shift = 0; shift < 64; shift += 8)
        bytes.push_back(static_cast<std::byte>(std::uint64_t{text.size()} >> shift));
    const auto body = std::as_bytes(std::span(text));
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
}

bool is_tensor_path(std::string_view name) {
    constexpr std::size_t kPartsMax = 4;
    for (std::size_t parts = 0; parts < kPartsMax; ++parts) {
        const std::size_t end = name.find('/');
        if (!is_plain(name.substr(0, end))) return false;
        if (end == std::string_view::npos) return true;
        name.remove_prefix(end + 1);
    }
    return false;
}

std::optional<AgentFileSpan> find_tensor(const AgentFileHeader& header, std::string_view name) {
    AgentFileSpan span;
    for (const TensorSpec& tensor : header.tensors) {
        span.bytes = tensor.bytes;
        if (tensor.name == name) return span;
        span.offset += tensor.bytes;
    }
    return std::nullopt;
}

std::vector<Token> decode_tokens(std::span<const std::byte> bytes) {
    std::vector<Token> tokens;
    tokens.reserve(bytes.size() / sizeof(Token));
    for (; bytes.size() >= sizeof(Token); bytes = bytes.subspan(sizeof(Token))) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < sizeof(Token); ++i)
            value |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
        tokens.push_back(static_cast<Token>(value));
    }
    return tokens;
}

}  // namespace kvasir
