// Strict by construction, as the parser of block files is: what was understood is written again, and must be
// the same bytes. So duplicate keys, other orders, white space and fields of others need no rule each.
#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "store/agent_file_header.h"
#include "store/kv_file.h"
#include "store/kv_header.h"

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr std::size_t kJsonDepthMax = 4;
constexpr std::size_t kFieldsMax = 256;

tl::unexpected<Error> refused(std::string_view what) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("this is no agent that was exported by this program, or it was changed: {}", what));
}

std::optional<json::value> parse(std::string_view text) {
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    boost::system::error_code error;
    json::value value = json::parse({text.data(), text.size()}, error, {}, options);
    if (error) return std::nullopt;
    return value;
}

std::optional<std::string> text_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains({key.data(), key.size()});
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string().begin(), value->get_string().end());
}

template <class Number>
bool read_number(const json::value* value, Number& into) {
    if (value == nullptr) return false;
    boost::system::error_code error;
    into = value->to_number<Number>(error);
    return !error && !value->is_double();
}

template <class Number>
bool read_number(const std::string& text, Number& into) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), into);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

class Reader {
  public:
    explicit Reader(const json::object& object) : object_(object) {}
    void text(std::string_view key, std::string& into) {
        auto found = text_of(object_, key);
        good_ = good_ && found.has_value();
        if (found) into = std::move(*found);
    }
    template <class Number>
    void number(std::string_view key, Number& into) {
        good_ = read_number(object_.if_contains({key.data(), key.size()}), into) && good_;
    }
    template <class Number>
    void number_as_text(std::string_view key, Number& into) {
        std::string found;
        text(key, found);
        good_ = good_ && read_number(found, into);
    }
    bool good() const { return good_; }

  private:
    const json::object& object_;
    bool good_ = true;
};

Result<std::vector<AgentFileTurn>> turns_of(const std::string& text) {
    const auto parsed = parse(text);
    if (!parsed || !parsed->is_array()) return refused("its turns");
    if (parsed->get_array().size() > kAgentFileTurnsMax) return refused("it has too many turns");
    std::vector<AgentFileTurn> turns;
    for (const json::value& value : parsed->get_array()) {
        if (!value.is_object()) return refused("a turn is no object");
        AgentFileTurn turn;
        Reader fields(value.get_object());
        fields.text("user", turn.user_text);
        fields.text("assistant", turn.assistant_text);
        fields.text("messages", turn.messages);
        fields.text("finish_reason", turn.finish_reason);
        fields.number("token_begin", turn.token_begin);
        fields.number("tokens", turn.token_count);
        fields.number("prompt_tokens", turn.prompt_token_count);
        fields.number("created_unix_ms", turn.created_unix_ms);
        if (!fields.good()) return refused("a turn lacks something");
        turns.push_back(std::move(turn));
    }
    return turns;
}

Status read_windows(const std::string& text, std::vector<TokenRange>& into) {
    const auto parsed = parse(text);
    if (!parsed || !parsed->is_array() || parsed->get_array().size() > kAgentFilePointsMax)
        return refused("its windows");
    for (const json::value& value : parsed->get_array()) {
        const json::array* pair = value.if_array();
        TokenRange range;
        if (pair == nullptr || pair->size() != 2 || !read_number(&(*pair)[0], range.begin) ||
            !read_number(&(*pair)[1], range.end))
            return refused("its windows");
        const bool inside_one_block =
            !range.empty() && range.begin / kBlockTokens == (range.end - 1) / kBlockTokens;
        const bool in_order = into.empty() || into.back().end < range.end ||
                              (into.back().end == range.end && into.back().begin < range.begin);
        if (!inside_one_block || !in_order) return refused("its windows");
        into.push_back(range);
    }
    return {};
}

Status read_snapshots(const std::string& text, std::vector<Position>& into) {
    const auto parsed = parse(text);
    if (!parsed || !parsed->is_array() || parsed->get_array().size() > kAgentFilePointsMax)
        return refused("its states");
    for (const json::value& value : parsed->get_array()) {
        Position end = 0;
        if (!read_number(&value, end) || end == 0 || (!into.empty() && end <= into.back()))
            return refused("its states");
        into.push_back(end);
    }
    return {};
}

Status read_fields(const json::object& metadata, AgentFileHeader& header) {
    for (const auto& entry : metadata) {
        const std::string_view key(entry.key().data(), entry.key().size());
        for (const std::string_view prefix : {kModelFieldPrefix, kKvFieldPrefix}) {
            if (!key.starts_with(prefix)) continue;
            auto& fields = prefix == kModelFieldPrefix ? header.model_fields : header.kv_fields;
            if (!entry.value().is_string() || fields.size() == kFieldsMax) return refused("its identity");
            const json::string& value = entry.value().get_string();
            fields.emplace_back(key.substr(prefix.size()), std::string(value.begin(), value.end()));
        }
    }
    return {};
}

Status read_metadata(const json::object& metadata, AgentFileHeader& header) {
    if (text_of(metadata, "format") != kAgentFileFormat) return refused("its format");
    if (text_of(metadata, "format_version") != kAgentFileVersion)
        return refused("its format version is unknown; a newer Kvasir may know it");
    std::string fingerprint;
    std::string windows;
    std::string snapshots;
    std::string turns;
    Reader fields(metadata);
    fields.text("agent_id", header.agent_id);
    fields.text("agent_type", header.agent_type);
    fields.text("title", header.title);
    fields.text("system_prompt", header.system_prompt);
    fields.text("when_full", header.when_full);
    fields.text("timestamp", header.timestamp);
    fields.number_as_text("created_unix_ms", header.created_unix_ms);
    fields.number_as_text("cache_tokens", header.cache_tokens);
    fields.text("model", header.model);
    fields.text("fingerprint", fingerprint);
    fields.text("windows", windows);
    fields.text("snapshots", snapshots);
    fields.text("conversation_history", header.conversation_history);
    fields.text("turns", turns);
    if (!fields.good()) return refused("something is missing in its metadata");
    const auto digest = Digest256::from_hex(fingerprint);
    if (!digest) return refused("its fingerprint");
    header.fingerprint = *digest;
    KVASIR_TRY(read_fields(metadata, header));
    KVASIR_TRY(read_windows(windows, header.windows));
    KVASIR_TRY(read_snapshots(snapshots, header.snapshots));
    KVASIR_TRY_ASSIGN(header.turns, turns_of(turns));
    return {};
}

Result<TensorSpec> tensor_of(std::string_view name, const json::value& value, std::uint64_t begin) {
    if (!is_tensor_path(name) || !value.is_object()) return refused("the name of a tensor");
    const json::object& object = value.get_object();
    const json::value* shape = object.if_contains("shape");
    const json::value* offsets = object.if_contains("data_offsets");
    const auto dtype = text_of(object, "dtype");
    const bool complete = dtype && shape != nullptr && shape->is_array() && offsets != nullptr &&
                          offsets->is_array() && offsets->get_array().size() == 2 &&
                          shape->get_array().size() <= kRankMax;
    if (!complete) return refused("a tensor lacks dtype, shape or data_offsets");
    TensorSpec tensor{std::string(name), *dtype, {}, 0};
    for (const json::value& extent : shape->get_array()) {
        std::uint64_t number = 0;
        if (!read_number(&extent, number)) return refused("the shape of a tensor");
        tensor.shape.push_back(number);
    }
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    const auto bytes = bytes_of_shape(tensor);
    if (!bytes || !read_number(&offsets->get_array()[0], first) ||
        !read_number(&offsets->get_array()[1], last) || first != begin || last < first ||
        last - first != *bytes)
        return refused("the place of a tensor");
    tensor.bytes = *bytes;
    return tensor;
}

Result<AgentFileHeader> understand(const json::object& object, std::uint64_t data_bytes) {
    AgentFileHeader header;
    if (object.empty() || object.size() > kAgentFileTensorsMax) return refused("the number of its tensors");
    auto entry = object.begin();
    if (entry->key() != json::string_view(kMetadataName.data(), kMetadataName.size()) ||
        !entry->value().is_object())
        return refused("its metadata is not first");
    KVASIR_TRY(read_metadata(entry->value().get_object(), header));
    std::uint64_t end = 0;
    for (++entry; entry != object.end(); ++entry) {
        KVASIR_TRY_ASSIGN(TensorSpec tensor,
                          tensor_of({entry->key().data(), entry->key().size()}, entry->value(), end));
        if (tensor.bytes > data_bytes - end) return refused("its tensors are larger than the file");
        end += tensor.bytes;
        header.tensors.push_back(std::move(tensor));
    }
    if (end != data_bytes) return refused("its tensors are not the whole file");
    return header;
}

}  // namespace

Result<std::uint64_t> decode_agent_header_length(std::span<const std::byte> first_bytes,
                                                 std::uint64_t file_bytes) {
    if (first_bytes.size() < kHeaderLengthBytes || file_bytes < kHeaderLengthBytes)
        return refused("it is too short");
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kHeaderLengthBytes; ++i)
        length |= std::to_integer<std::uint64_t>(first_bytes[i]) << (8 * i);
    if (length < 2 || length > kAgentFileHeaderBytesMax || length > file_bytes - kHeaderLengthBytes)
        return refused("the length of its header");
    return length;
}

Result<AgentFileHeader> decode_agent_header(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
    KVASIR_TRY_ASSIGN(const std::uint64_t length, decode_agent_header_length(bytes, file_bytes));
    if (bytes.size() != kHeaderLengthBytes + length) return refused("the length of its header");
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kHeaderLengthBytes, length);
    const auto parsed = text.front() == '{' ? parse(text) : std::nullopt;
    if (!parsed || !parsed->is_object()) return refused("its header is no JSON object");
    KVASIR_TRY_ASSIGN(AgentFileHeader header, understand(parsed->get_object(), file_bytes - bytes.size()));
    if (agent_header_text(header) != text) return refused("its header is not what this program writes");
    return header;
}

}  // namespace kvasir
