#include "engine/llama/llama_engine_impl.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <exception>
#include <optional>

#include <fmt/format.h>

namespace kvasir {

namespace {

constexpr std::array<Token, 2> kProofTokens = {0, 1};

tl::unexpected<Error> invalid(std::string what) { return fail(ErrorCode::kInvalidArgument, std::move(what)); }

// What llama_decode returns, and a number of our own for what it throws.
constexpr int kNoCells = 1;
constexpr int kInvalidBatch = -1;
constexpr int kThrown = -100;

llama_seq_id seq(SequenceId sequence) { return static_cast<llama_seq_id>(sequence); }

}  // namespace

LlamaEngine::LlamaEngine(LlamaParts parts)
    : parts_(std::move(parts)),
      ledger_(llama_n_ctx(parts_.context.get())),
      sequences_(parts_.sequences),
      batch_(parts_.info.batch_tokens) {
    transfer_ = std::make_unique<KvTransfer>(*parts_.context, parts_.geometry,
                                             static_cast<llama_seq_id>(parts_.sequences),
                                             std::max(parts_.info.context_tokens, 1U));
}

Status LlamaEngine::prove_layout() {
    KVASIR_TRY_ASSIGN(const SequenceId sequence, open_sequence());
    const std::array<BatchRow, 2> rows = {BatchRow{sequence, kProofTokens[0], 0, false},
                                          BatchRow{sequence, kProofTokens[1], 1, true}};
    Status proved = decode(rows);
    if (proved) proved = transfer_->check_layout(seq(sequence), rows.size());
    close_sequence(sequence);
    meter_.restart(*parts_.context);
    if (proved) return {};
    return fail(ErrorCode::kModelUnusable,
                fmt::format("the KV state of {} models is not one that this version can keep: {}",
                            parts_.info.architecture, proved.error().message));
}

Result<std::vector<Token>> LlamaEngine::tokenize(std::string_view text, SpecialTokens special,
                                                 SequenceStart start) const {
    return parts_.text->tokenize(text, special, start);
}

std::string LlamaEngine::piece(Token token, SpecialTokens special) const {
    return parts_.text->piece(token, special);
}

bool LlamaEngine::is_end_of_turn(Token token) const { return parts_.text->is_end_of_turn(token); }

Result<std::shared_ptr<const AnswerFormat>> LlamaEngine::plan_answer(
    const ChatPrompt& prompt, const AnswerConstraint& constraint) const {
    return parts_.text->plan_answer(prompt, constraint);
}

Result<RenderedChat> LlamaEngine::render(const ChatPrompt& prompt) const {
    return parts_.text->render(prompt);
}

bool LlamaEngine::is_open(SequenceId sequence) const {
    const auto index = static_cast<std::size_t>(sequence);
    return index < sequences_.size() && sequences_[index].open;
}

Result<SequenceId> LlamaEngine::open_sequence() {
    KVASIR_TRY(wake());
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
        if (sequences_[i].open) continue;
        sequences_[i] = {.open = true, .window_end = 0};
        return static_cast<SequenceId>(i);
    }
    return fail(ErrorCode::kUnavailable,
                fmt::format("all {} places for resident agents are taken", sequences_.size()));
}

void LlamaEngine::empty(SequenceId sequence) {
    llama_memory_seq_rm(kv(), seq(sequence), -1, -1);
    ledger_.truncate(sequence, 0);
    at(sequence).window_end = 0;
}

void LlamaEngine::close_sequence(SequenceId sequence) {
    assert(is_open(sequence));
    empty(sequence);
    at(sequence).open = false;
}

Position LlamaEngine::length(SequenceId sequence) const {
    assert(is_open(sequence));
    const Position append_rows = ledger_.length(sequence);
    // Between the import of append rows and that of window rows a sequence is not one that could be
    // continued.
    return slides() && at(sequence).window_end != append_rows ? 0 : append_rows;
}

Position LlamaEngine::window_begin(SequenceId sequence) const {
    const llama_pos held = llama_memory_seq_pos_min(kv(), seq(sequence));
    return held < 0 ? ledger_.length(sequence) : static_cast<Position>(held);
}

Position LlamaEngine::rewind_floor(SequenceId sequence) const {
    if (!slides() || ledger_.length(sequence) == 0) return 0;
    const Position begin = window_begin(sequence);
    return begin == 0 ? 0 : std::min(begin + parts_.geometry.layout.window_tokens, ledger_.length(sequence));
}

Status LlamaEngine::rewind(SequenceId sequence, Position position) {
    if (!is_open(sequence)) return invalid("rewind: no such sequence");
    const Position now = length(sequence);
    if (position > now) return invalid(fmt::format("cannot rewind {} tokens to {}", now, position));
    if (position == now) return {};
    if (position == 0) {
        empty(sequence);
        return {};
    }
    if (position < rewind_floor(sequence)) {
        return invalid(fmt::format("cannot rewind to {}: the sliding window is complete from {} on", position,
                                   rewind_floor(sequence)));
    }
    if (!llama_memory_seq_rm(kv(), seq(sequence), static_cast<llama_pos>(position), -1)) {
        empty(sequence);
        return invalid("the engine could not rewind this sequence");
    }
    ledger_.truncate(sequence, position);
    at(sequence).window_end = position;
    return {};
}

Status LlamaEngine::fork(SequenceId from, SequenceId to, Position position) {
    if (!is_open(from) || !is_open(to) || ledger_.length(to) != 0)
        return invalid("fork: the target must be open and empty");
    if (position > length(from)) return invalid("fork: beyond the end of the source");
    if (position == 0) return {};
    if (position < rewind_floor(from)) return invalid("fork: the sliding window is not complete there");
    llama_memory_seq_cp(kv(), seq(from), seq(to), 0, static_cast<llama_pos>(position));
    ledger_.share(from, to, position);
    at(to).window_end = position;
    const Status unshared = transfer_->unshare_window(seq(to));
    if (!unshared) empty(to);
    return unshared;
}

// Does llama.cpp stand where our book-keeping believes? It would decode over a missing row happily, and
// wrongly.
Status LlamaEngine::check_standing(SequenceId sequence) const {
    const Position rows = ledger_.length(sequence);
    if (slides() && at(sequence).window_end != rows)
        return invalid("a sequence's window rows are incomplete");
    const llama_pos last = llama_memory_seq_pos_max(kv(), seq(sequence));
    const bool ends_right = last + 1 == static_cast<llama_pos>(rows);
    const bool begins_right =
        !slides() || window_begin(sequence) <= parts_.geometry.layout.window_range(rows).begin;
    if (ends_right && begins_right) return {};
    return fail(ErrorCode::kDamaged,
                fmt::format("a sequence of {} tokens does not hold all its KV rows", rows));
}

Status LlamaEngine::check_rows(std::span<const BatchRow> rows) const {
    if (rows.empty() || rows.size() > parts_.info.batch_tokens) {
        return invalid(fmt::format("a batch has 1 to {} rows", parts_.info.batch_tokens));
    }
    std::vector<std::optional<Position>> next(sequences_.size());
    for (const BatchRow& row : rows) {
        if (!is_open(row.sequence)) return invalid("a row belongs to no open sequence");
        std::optional<Position>& position = next[static_cast<std::size_t>(row.sequence)];
        if (!position) {
            KVASIR_TRY(check_standing(row.sequence));
            position = ledger_.length(row.sequence);
        }
        if (row.position != (*position)++) {
            return invalid(
                fmt::format("a row stands at position {}, not at the end of its sequence", row.position));
        }
        if (row.position >= parts_.info.context_tokens) {
            return invalid(
                fmt::format("a row is beyond the context of {} tokens", parts_.info.context_tokens));
        }
        if (row.token < 0 || static_cast<std::uint32_t>(row.token) >= parts_.info.vocabulary_size) {
            return invalid(fmt::format("token {} is not in the vocabulary", row.token));
        }
    }
    return {};
}

Status LlamaEngine::decode(std::span<const BatchRow> rows) {
    KVASIR_TRY(check_rows(rows));
    KVASIR_TRY(check_free_cells(rows.size()));
    batch_.clear();
    has_logits_.assign(rows.size(), false);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        batch_.add(rows[i]);
        has_logits_[i] = rows[i].wants_logits;
    }
    int code = kThrown;
    try {
        code = llama_decode(parts_.context.get(), batch_.get());
    } catch (const std::exception&) {
        code = kThrown;
    }
    if (code != 0) return take_back(rows, code);
    for (const BatchRow& row : rows) {
        ledger_.append(row.sequence, 1);
        at(row.sequence).window_end = row.position + 1;
    }
    meter_.carry(*parts_.context);
    return {};
}

Status LlamaEngine::check_free_cells(std::size_t needed) const {
    if (needed <= ledger_.free()) return {};
    return fail(
        ErrorCode::kOutOfMemory,
        fmt::format("{} KV cells are needed and {} of {} are free: raise --kv-cells or lower --max-agents",
                    needed, ledger_.free(), ledger_.total()));
}

Status LlamaEngine::take_back(std::span<const BatchRow> rows, int code) {
    has_logits_.clear();
    if (code != kInvalidBatch) meter_.discount(rows.size());
    for (const BatchRow& row : rows) {
        const Position kept = ledger_.length(row.sequence);
        llama_memory_seq_rm(kv(), seq(row.sequence), static_cast<llama_pos>(kept), -1);
        // Rows of this call may have pushed window rows out that the sequence still needs: then it starts
        // anew.
        if (kept > 0 && !check_standing(row.sequence)) empty(row.sequence);
    }
    const std::string lines = take_llama_errors();
    if (code == kNoCells)
        return fail(ErrorCode::kOutOfMemory, "the engine found no free KV cells for this batch");
    return fail(ErrorCode::kIo, fmt::format("the engine could not evaluate a batch (code {}){}{}", code,
                                            lines.empty() ? "" : ": ", lines));
}

std::span<const float> LlamaEngine::logits(std::size_t row) const {
    assert(row < has_logits_.size() && has_logits_[row]);
    const float* values = llama_get_logits_ith(parts_.context.get(), static_cast<std::int32_t>(row));
    return {values, values == nullptr ? 0 : parts_.info.vocabulary_size};
}

Result<std::unique_ptr<Sampler>> LlamaEngine::make_sampler(const SamplingOptions& options) {
    KVASIR_TRY(wake());
    return make_llama_sampler(*parts_.model, *parts_.context, options);
}

CellUsage LlamaEngine::cells() const {
    CellUsage usage;
    usage.append_total = ledger_.total();
    usage.append_used = ledger_.used();
    if (!slides()) return usage;
    usage.window_total = parts_.window_cells;
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
        if (!sequences_[i].open) continue;
        const auto sequence = static_cast<SequenceId>(i);
        const llama_pos held = llama_memory_seq_pos_min(kv(), seq(sequence));
        if (held >= 0) usage.window_used += sequences_[i].window_end - static_cast<Position>(held);
    }
    return usage;
}

EvaluationCounters LlamaEngine::counters() const {
    return parts_.context ? meter_.read(*parts_.context) : meter_.read();
}

}  // namespace kvasir
