#include "engine/llama/llama_engine_impl.h"

#include <algorithm>
#include <cassert>
#include <exception>
#include <optional>

#include <fmt/format.h>

namespace kvasir {

namespace {

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
    meter_.restart(*parts_.context);
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
        sequences_[i] = {.open = true};
        return static_cast<SequenceId>(i);
    }
    return fail(ErrorCode::kUnavailable,
                fmt::format("all {} places for resident agents are taken", sequences_.size()));
}

void LlamaEngine::empty(SequenceId sequence) {
    llama_memory_seq_rm(kv(), seq(sequence), -1, -1);
    set_end(sequence, 0);
}

void LlamaEngine::set_end(SequenceId sequence, Position position) {
    const Position held = ledger_.length(sequence);
    if (position < held) ledger_.truncate(sequence, position);
    if (position > held) ledger_.append(sequence, position - held);
    at(sequence).window_end = at(sequence).snapshot_end = position;
}

void LlamaEngine::close_sequence(SequenceId sequence) {
    assert(is_open(sequence));
    empty(sequence);
    at(sequence).open = false;
}

Position LlamaEngine::length(SequenceId sequence) const {
    assert(is_open(sequence));
    const Position held = ledger_.length(sequence);
    // Between the import of append rows and that of the other planes a sequence is not one that could be
    // continued.
    if (slides() && !layout().window_range(held).empty() && at(sequence).window_end != held) return 0;
    return layout().has_snapshot() && at(sequence).snapshot_end != held ? 0 : held;
}

Position LlamaEngine::window_begin(SequenceId sequence) const {
    const llama_pos held = transfer_->window_begin(seq(sequence));
    return held < 0 ? ledger_.length(sequence) : static_cast<Position>(held);
}

Position LlamaEngine::rewind_floor(SequenceId sequence) const {
    const Position end = ledger_.length(sequence);
    if (layout().has_snapshot()) return length(sequence);
    if (!slides() || end == 0) return 0;
    return std::min(layout().window_complete_from(window_begin(sequence)), end);
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
        return invalid(fmt::format("cannot rewind to {}: window and state are complete from {} on", position,
                                   rewind_floor(sequence)));
    }
    if (!llama_memory_seq_rm(kv(), seq(sequence), static_cast<llama_pos>(position), -1)) {
        empty(sequence);
        return invalid("the engine could not rewind this sequence");
    }
    set_end(sequence, position);
    return {};
}

Status LlamaEngine::fork(SequenceId from, SequenceId to, Position position) {
    if (!is_open(from) || !is_open(to) || ledger_.length(to) != 0)
        return invalid("fork: the target must be open and empty");
    if (position > length(from)) return invalid("fork: beyond the end of the source");
    if (position == 0) return {};
    if (position < rewind_floor(from)) return invalid("fork: window and state are not complete there");
    if (layout().has_rows())
        ledger_.share(from, to, position);
    else
        KVASIR_TRY(check_free_cells(position));
    Status forked = transfer_->fork(seq(from), seq(to), position);
    if (forked) {
        set_end(to, position);
    } else {
        empty(to);
    }
    return forked;
}

// Does llama.cpp stand where our book-keeping believes? It would decode over a missing row happily, and
// wrongly.
Status LlamaEngine::check_standing(SequenceId sequence) const {
    const Position rows = ledger_.length(sequence);
    if (length(sequence) != rows) return invalid("a sequence's window rows or state are incomplete");
    const llama_pos last = llama_memory_seq_pos_max(kv(), seq(sequence));
    // Where a chunk begins no window row is needed, and llama.cpp may have given the last one's cell away.
    const TokenRange window = layout().window_range(rows);
    const bool needs_none = slides() && window.empty() && last < 0;
    const bool ends_right = last + 1 == static_cast<llama_pos>(rows) || needs_none;
    const bool begins_right = !slides() || window.empty() || window_begin(sequence) <= window.begin;
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
        set_end(row.sequence, row.position + 1);
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
        const llama_pos held = transfer_->window_begin(seq(sequence));
        if (held >= 0) usage.window_used += sequences_[i].window_end - static_cast<Position>(held);
    }
    return usage;
}

EvaluationCounters LlamaEngine::counters() const {
    return parts_.context ? meter_.read(*parts_.context) : meter_.read();
}

}  // namespace kvasir
