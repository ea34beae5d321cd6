#include "memory/import_file.h"

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "memory/agent_transfer.h"
#include "memory/input_checks.h"
#include "memory/message_text.h"
#include "store/kv_file.h"

namespace kvasir {

namespace {

constexpr std::size_t kFinishReasonBytesMax = 64;

tl::unexpected<Error> refused(const std::string& what) {
    return fail(ErrorCode::kInvalidArgument,
                "this is no agent that was exported by this program, or it was changed: " + what);
}

Result<std::vector<std::byte>> read_header(ByteSource& source) {
    std::vector<std::byte> bytes(std::min<std::uint64_t>(kHeaderLengthBytes, source.size()));
    KVASIR_TRY(source.read_at(0, bytes));
    KVASIR_TRY_ASSIGN(const std::uint64_t length, decode_agent_header_length(bytes, source.size()));
    bytes.resize(kHeaderLengthBytes + length);
    KVASIR_TRY(source.read_at(kHeaderLengthBytes, std::span(bytes).subspan(kHeaderLengthBytes)));
    return bytes;
}

Result<std::vector<Token>> read_tokens(ByteSource& source, const ImportFile& file, const char* name) {
    const auto span = find_tensor(file.header, name);
    if (!span) return std::vector<Token>();
    if (span->bytes % sizeof(Token) != 0 || span->bytes / sizeof(Token) > kAgentFileTokensMax)
        return refused("its tokens");
    std::vector<std::byte> bytes(span->bytes);
    KVASIR_TRY(source.read_at(file.data_begin + span->offset, bytes));
    return decode_tokens(bytes);
}

Status check_texts(const AgentFileHeader& header) {
    KVASIR_TRY(check_agent_type(header.agent_type));
    KVASIR_TRY(check_agent_title(header.title));
    KVASIR_TRY(check_text(header.system_prompt, "the system prompt"));
    if (header.turns.empty()) return refused("it has no turns");
    if (header.created_unix_ms < 0) return refused("its age");
    for (const AgentFileTurn& turn : header.turns) {
        const bool possible = turn.user_text.size() <= kMessageBytesMax &&
                              turn.assistant_text.size() <= kMessageBytesMax &&
                              turn.finish_reason.size() <= kFinishReasonBytesMax &&
                              turn.created_unix_ms >= 0 && turn.prompt_token_count <= turn.token_count;
        if (!possible) return refused("a turn");
    }
    return {};
}

Status read_turns(const AgentFileHeader& header, std::vector<Token> added, std::vector<TurnRecord>& turns) {
    std::size_t used = 0;
    for (const AgentFileTurn& from : header.turns) {
        if (from.token_count > added.size() - used) return refused("its turns have more tokens than it has");
        TurnRecord turn;
        turn.number = static_cast<std::uint32_t>(turns.size());
        turn.user_text = from.user_text;
        turn.assistant_text = from.assistant_text;
        turn.messages = from.messages;
        turn.finish_reason = from.finish_reason;
        turn.token_begin = from.token_begin;
        turn.prompt_token_count = from.prompt_token_count;
        turn.created_unix_ms = from.created_unix_ms;
        const auto begin = added.begin() + static_cast<std::ptrdiff_t>(used);
        turn.tokens.assign(begin, begin + from.token_count);
        used += from.token_count;
        turns.push_back(std::move(turn));
    }
    if (used != added.size()) return refused("it has tokens of no turn");
    return {};
}

// As turns of ours have them, so that clients who send the conversation find it.
Status add_keys(std::vector<TurnRecord>& turns) {
    std::optional<ConversationKey> key;
    for (TurnRecord& turn : turns) {
        const auto messages = decode_messages(turn.messages);
        if (!messages || (!turn.messages.empty() && encode(*messages) != turn.messages))
            return refused("the messages of a turn");
        if (!key) key.emplace(messages->tools);
        for (const ChatMessage& message : messages->messages) {
            if (message.content.size() > kMessageBytesMax) return refused("a message is too long");
            key->add(message);
        }
        turn.conversation_key = key->value();
    }
    return {};
}

Status check_identity(const AgentFileHeader& header, const Engine& engine) {
    const auto theirs = Fingerprint::make(header.model_fields, header.kv_fields);
    if (!theirs || theirs->digest() != header.fingerprint) return refused("its identity");
    if (theirs->model_id() == engine.fingerprint().model_id()) return {};
    return fail(ErrorCode::kModelUnusable,
                "the file belongs to the model " + printable(header.model) + ", and another one is loaded (" +
                    printable(engine.model().name) +
                    "): its tokens mean nothing to it; start with that model (--model)");
}

Status describe_kv(const Engine& engine, ImportFile& file) {
    const AgentFileHeader& header = file.header;
    file.contents.tokens = file.tokens.size();
    for (const AgentFileTurn& turn : header.turns) file.contents.turn_tokens += turn.token_count;
    file.contents.cache_tokens = header.cache_tokens;
    file.contents.windows = header.windows;
    for (const Position end : header.snapshots) {
        const auto whole = find_tensor(header, "snapshot_" + std::to_string(end) + "/state");
        file.contents.snapshots.push_back({end, whole ? whole->bytes : 0});
        if (whole && whole->bytes > kBlockFileBytesMax / 2) return refused("a state is too large");
    }
    const KvLayout& layout = engine.kv_layout();
    std::uint64_t window_rows = 0;
    for (const TokenRange& range : header.windows) window_rows += range.size();
    const bool possible = (header.windows.empty() || layout.has_window()) &&
                          (header.snapshots.empty() || layout.has_snapshot()) &&
                          layout.row_bytes(Plane::kAppend) * header.cache_tokens <= header.data_bytes() &&
                          layout.row_bytes(Plane::kWindow) * window_rows <= header.data_bytes();
    if (!possible) return refused("its KV is not that of this model");
    const auto beyond = [&](Position end) { return end > header.cache_tokens; };
    if (header.cache_tokens > file.tokens.size() ||
        std::any_of(header.snapshots.begin(), header.snapshots.end(), beyond) ||
        std::any_of(header.windows.begin(), header.windows.end(),
                    [&](const TokenRange& range) { return beyond(range.end); }))
        return refused("its KV goes further than its tokens");
    file.layout = transfer_layout(layout, file.contents);
    if (file.layout.tensors != header.tensors) return refused("its KV is not that of this model");
    return {};
}

}  // namespace

Result<AgentFileHeader> read_agent_header(ByteSource& source) {
    KVASIR_TRY_ASSIGN(const std::vector<std::byte> bytes, read_header(source));
    return decode_agent_header(bytes, source.size());
}

Result<ModelOfFile> model_of_file(ByteSource& file) {
    KVASIR_TRY_ASSIGN(const AgentFileHeader header, read_agent_header(file));
    const auto theirs = Fingerprint::make(header.model_fields, header.kv_fields);
    if (!theirs || theirs->digest() != header.fingerprint) return refused("its identity");
    return ModelOfFile{theirs->model_id(), header.model};
}

Result<ImportFile> read_import_file(ByteSource& source, const Engine& engine) {
    ImportFile file;
    KVASIR_TRY_ASSIGN(const std::vector<std::byte> bytes, read_header(source));
    KVASIR_TRY_ASSIGN(file.header, decode_agent_header(bytes, source.size()));
    file.header_hash = Sha256("").raw(bytes).finish();
    file.data_begin = bytes.size();
    KVASIR_TRY(check_texts(file.header));
    KVASIR_TRY(check_identity(file.header, engine));
    KVASIR_TRY_ASSIGN(file.tokens, read_tokens(source, file, kAgentFileTokens));
    KVASIR_TRY_ASSIGN(std::vector<Token> added, read_tokens(source, file, kAgentFileTurnTokens));
    const auto known = [&](Token token) {
        return token >= 0 && static_cast<std::uint32_t>(token) < engine.model().vocabulary_size;
    };
    if (!std::all_of(added.begin(), added.end(), known))
        return refused("a token that the model does not have");
    KVASIR_TRY(read_turns(file.header, std::move(added), file.turns));
    KVASIR_TRY(add_keys(file.turns));
    const auto joined = join_tokens(file.turns);
    if (!joined || *joined != file.tokens) return refused("its turns are not its conversation");
    if (file.header.fingerprint == engine.fingerprint().digest()) {
        KVASIR_TRY(describe_kv(engine, file));
        return file;
    }
    const auto theirs = Fingerprint::make(file.header.model_fields, file.header.kv_fields);
    for (const std::string& difference : fingerprint_differences(theirs->text(), engine.fingerprint().text()))
        file.kv_differs += (file.kv_differs.empty() ? "" : ", ") + difference;
    return file;
}

Status read_slice(ByteSource& source, const ImportFile& file, const TransferSlice& slice, Hmac256* mac,
                  std::vector<std::byte>& bytes) {
    const std::size_t begin = bytes.size();
    bytes.resize(begin + slice.bytes);
    auto rest = std::span(bytes).subspan(begin);
    KVASIR_TRY(source.read_at(file.data_begin + slice.offset, rest));
    if (mac == nullptr) return {};
    const std::uint64_t pieces = piece_count(slice.bytes);
    for (std::uint64_t i = 0; i < pieces; ++i) {
        const std::uint64_t number = slice.first_piece + i;
        Digest256 expected;
        KVASIR_TRY(source.read_at(file.data_begin + file.layout.macs_offset + number * sizeof(expected.bytes),
                                  std::as_writable_bytes(std::span(expected.bytes))));
        const std::size_t count = std::min<std::size_t>(kAgentFilePieceBytes, rest.size());
        if (!same_digest(expected, piece_mac(*mac, file.header_hash, number, rest.first(count))))
            return fail(ErrorCode::kDamaged, "its KV was not written by this store, or was changed since");
        rest = rest.subspan(count);
    }
    return {};
}

}  // namespace kvasir
