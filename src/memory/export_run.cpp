#include "memory/export_run.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <utility>

#include <fmt/chrono.h>

#include "memory/message_text.h"
#include "memory/row_image.h"
#include "memory/token_chain.h"
#include "memory/utf8.h"
#include "store/kv_file.h"

namespace kvasir {

namespace {

constexpr std::size_t kMacsOfOneStep = kAgentFilePieceBytes / sizeof(Digest256);

// A model may have ended an answer inside a character; a JSON text must not.
std::string clean(const std::string& text) {
    Utf8Stream stream;
    std::string cleaned = stream.push(text);
    return cleaned + stream.finish();
}

std::string rfc_3339(std::int64_t unix_ms) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_ms / 1000)));
}

AgentFileTurn file_turn(const TurnRecord& turn) {
    AgentFileTurn made;
    made.user_text = clean(turn.user_text);
    made.assistant_text = clean(turn.assistant_text);
    made.messages = clean(turn.messages);
    made.finish_reason = turn.finish_reason;
    made.token_begin = turn.token_begin;
    made.token_count = static_cast<std::uint32_t>(turn.tokens.size());
    made.prompt_token_count = turn.prompt_token_count;
    made.created_unix_ms = turn.created_unix_ms;
    return made;
}

std::size_t index_of(BlockKind kind) { return static_cast<std::size_t>(kind); }

}  // namespace

ExportRun::ExportRun(KvContext context)
    : context_(context), mac_(export_key(context.store.catalog().tenant_salt())) {}

Result<std::unique_ptr<AgentExport>> ExportRun::begin(KvContext context, const ExportSource& source) {
    std::unique_ptr<ExportRun> run(new ExportRun(context));
    const Conversation& conversation = source.conversation;
    KVASIR_TRY(run->choose_blocks(conversation));
    KVASIR_TRY(run->measure_states());
    run->tokens_ = encode_tokens(conversation.tokens);
    for (const TurnRecord& turn : conversation.turns) {
        const auto bytes = encode_tokens(turn.tokens);
        run->turn_tokens_.insert(run->turn_tokens_.end(), bytes.begin(), bytes.end());
    }
    run->contents_.tokens = run->tokens_.size() / sizeof(Token);
    run->contents_.turn_tokens = run->turn_tokens_.size() / sizeof(Token);
    if (run->contents_.turn_tokens > kAgentFileTokensMax)
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the conversation has more than {} tokens", kAgentFileTokensMax));
    run->layout_ = transfer_layout(context.layout(), run->contents_);
    KVASIR_TRY(run->write_header(source));
    return std::unique_ptr<AgentExport>(std::move(run));
}

// What a restore of the whole conversation would use, and what was kept at earlier points of it.
Status ExportRun::choose_blocks(const Conversation& conversation) {
    RestoreRequest request;
    request.tokens = conversation.tokens;
    request.position_max = static_cast<Position>(conversation.tokens.size());
    request.agent = conversation.agent.id;
    KVASIR_TRY_ASSIGN(const RestorePlan plan, plan_restore(context_, request));
    contents_.cache_tokens = plan.position;
    std::vector<BlockName> names;
    for (const PlannedBlock& planned : plan.append) {
        units_[index_of(BlockKind::kAppend)].push_back(planned.block);
        names.push_back(planned.block.name);
    }
    if (context_.keeps_points() && plan.position > 0) KVASIR_TRY(choose_points(conversation, plan));
    for (const BlockKind kind : {BlockKind::kWindow, BlockKind::kSnapshot}) {
        for (const StoredBlock& block : units_[index_of(kind)]) names.push_back(block.name);
    }
    hold_ = context_.store.hold(std::move(names));
    return {};
}

Status ExportRun::choose_points(const Conversation& conversation, const RestorePlan& plan) {
    KVASIR_TRY_ASSIGN(std::vector<StoredBlock> known,
                      context_.store.catalog().referenced_blocks(conversation.agent.id));
    for (const PlannedBlock& planned : plan.window) known.push_back(planned.block);
    if (plan.snapshot) known.push_back(plan.snapshot->block);
    const TokenChain chain(context_.root, conversation.tokens);
    std::map<std::pair<Position, Position>, StoredBlock> windows;
    std::map<Position, StoredBlock> snapshots;
    for (StoredBlock& block : known) {
        const Position end = block.range.end;
        if (block.kind == BlockKind::kAppend || end == 0 || end > plan.position) continue;
        const BlockName end_name = chain.name_at(end);
        if (block.kind == BlockKind::kSnapshot && block.name == snapshot_name(end_name))
            snapshots.emplace(end, std::move(block));
        else if (block.kind == BlockKind::kWindow && block.name == window_name(end_name, block.range.begin))
            windows.emplace(std::pair(end, block.range.begin), std::move(block));
    }
    for (auto& [place, block] : windows) {
        contents_.windows.push_back(block.range);
        units_[index_of(BlockKind::kWindow)].push_back(std::move(block));
    }
    for (auto& [end, block] : snapshots) {
        contents_.snapshots.push_back({end, 0});
        units_[index_of(BlockKind::kSnapshot)].push_back(std::move(block));
    }
    return {};
}

// How long a state of one piece is stands in its file only.
Status ExportRun::measure_states() {
    if (context_.layout().snapshot_form != SnapshotForm::kOpaque) return {};
    for (std::size_t i = 0; i < contents_.snapshots.size(); ++i) {
        const StoredBlock& block = units_[index_of(BlockKind::kSnapshot)][i];
        const auto bytes = context_.store.blocks().image_bytes(block, spec_of(block, 0));
        if (bytes) {
            contents_.snapshots[i].bytes = *bytes;
            continue;
        }
        KvLoader(context_).give_up(block, bytes.error());
        return fail(ErrorCode::kDamaged, "a stored state is damaged and was set aside (" +
                                             bytes.error().message + "): export it again");
    }
    return {};
}

BlockSpec ExportRun::spec_of(const StoredBlock& block, std::uint64_t state_bytes) const {
    return make_block_spec(context_, {block.kind, block.name, block.parent, block.range, state_bytes},
                           block.tokens);
}

Status ExportRun::write_header(const ExportSource& source) {
    const AgentRecord& agent = source.conversation.agent;
    AgentFileHeader header;
    header.agent_id = agent.name;
    header.agent_type = clean(agent.type);
    header.title = clean(agent.title);
    header.system_prompt = clean(agent.system_prompt);
    header.when_full = source.when_full;
    header.timestamp = rfc_3339(source.now_unix_ms);
    header.model = clean(agent.model_name);
    header.created_unix_ms = agent.created_unix_ms;
    const Fingerprint& fingerprint = context_.engine.fingerprint();
    header.fingerprint = fingerprint.digest();
    header.model_fields = fingerprint.model_fields();
    header.kv_fields = fingerprint.kv_fields();
    header.cache_tokens = contents_.cache_tokens;
    header.windows = contents_.windows;
    for (const StateInFile& state : contents_.snapshots) header.snapshots.push_back(state.end);
    header.conversation_history = clean(encode_list(source.conversation.messages));
    for (const TurnRecord& turn : source.conversation.turns) header.turns.push_back(file_turn(turn));
    header.tensors = layout_.tensors;
    KVASIR_TRY_ASSIGN(header_, encode_agent_header(header));
    header_hash_ = Sha256("").raw(header_).finish();
    report_.agent = agent.name;
    report_.tokens = static_cast<Position>(contents_.tokens);
    report_.cache_tokens = contents_.cache_tokens;
    report_.turns = static_cast<std::uint32_t>(header.turns.size() - 1);
    report_.file_bytes = header_.size() + header.data_bytes();
    return {};
}

Status ExportRun::read_piece(const TransferSlice& slice, std::uint64_t begin, std::span<std::byte> bytes) {
    if (slice.source != TransferSlice::Source::kKv) {
        const auto& from = slice.source == TransferSlice::Source::kTokens ? tokens_ : turn_tokens_;
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(begin), bytes.size(), bytes.begin());
        return {};
    }
    const StoredBlock& block = units_[index_of(slice.kind)][slice.unit];
    const std::uint64_t state_bytes =
        slice.kind == BlockKind::kSnapshot ? contents_.snapshots[slice.unit].bytes : 0;
    const BlockSpec spec = spec_of(block, state_bytes);
    std::uint64_t offset = begin;
    for (std::size_t part = 0; part < slice.part; ++part) offset += spec.tensors[part].bytes;
    const Status read = context_.store.blocks().read_part(block, spec, offset, bytes);
    if (read) return {};
    if (read.error().code == ErrorCode::kDamaged) KvLoader(context_).give_up(block, read.error());
    return fail(read.error().code == ErrorCode::kNotFound ? ErrorCode::kConflict : read.error().code,
                "the export cannot be completed (" + read.error().message + "): export it again");
}

Status ExportRun::next_piece(std::vector<std::byte>& bytes) {
    const TransferSlice& slice = layout_.slices[slice_];
    bytes.resize(std::min<std::uint64_t>(kAgentFilePieceBytes, slice.bytes - begin_));
    KVASIR_TRY(read_piece(slice, begin_, bytes));
    macs_.push_back(piece_mac(mac_, header_hash_, macs_.size(), bytes));
    begin_ += bytes.size();
    if (begin_ < slice.bytes) return {};
    begin_ = 0;
    if (++slice_ == layout_.slices.size()) stage_ = Stage::kMacs;
    return {};
}

void ExportRun::next_macs(std::vector<std::byte>& bytes) {
    const std::size_t end = std::min(macs_.size(), macs_done_ + kMacsOfOneStep);
    for (; macs_done_ < end; ++macs_done_) {
        const auto mac = std::as_bytes(std::span(macs_[macs_done_].bytes));
        bytes.insert(bytes.end(), mac.begin(), mac.end());
    }
    if (macs_done_ == macs_.size()) {
        stage_ = Stage::kDone;
        hold_.release();
    }
}

Status ExportRun::step(std::vector<std::byte>& bytes) {
    bytes.clear();
    switch (stage_) {
        case Stage::kHeader:
            bytes = std::exchange(header_, {});
            stage_ = layout_.slices.empty() ? Stage::kDone : Stage::kPieces;
            return {};
        case Stage::kPieces:
            return next_piece(bytes);
        case Stage::kMacs:
            next_macs(bytes);
            return {};
        case Stage::kDone:
            break;
    }
    return {};
}

}  // namespace kvasir
