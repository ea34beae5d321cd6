#include "support/fake_engine.h"

#include <algorithm>
#include <utility>

#include "support/fake_answer_format.h"
#include "support/fake_text.h"

namespace kvasir::test {

FakeEngine::FakeEngine(const FakeEngineOptions& options) : options_(options), fake_(options) {
    info_.path = "/models/" + options.name + ".gguf";
    info_.name = options.name;
    info_.architecture = windowed() ? "fake-windowed" : "fake";
    info_.description = "fake";
    info_.weights_bytes = 1'000'000;
    info_.vocabulary_size = kFakeVocabulary;
    info_.context_tokens_trained = options.context_tokens;
    info_.context_tokens = options.context_tokens;
    info_.batch_tokens = options.batch_tokens;
    append_total_ =
        options.append_cells > 0 ? options.append_cells : options.context_tokens * options.sequences;
}

void FakeEngine::fail_decode(std::uint32_t decodes_before, std::uint32_t times, Error error) {
    decode_error_ = std::move(error);
    decodes_before_error_ = decodes_before;
    decode_errors_left_ = times;
}

Result<std::vector<Token>> FakeEngine::tokenize(std::string_view text, SpecialTokens special,
                                                SequenceStart start) const {
    std::vector<Token> tokens = fake_tokenize(text, special);
    if (start == SequenceStart::kYes && options_.start == SequenceStart::kYes)
        tokens.insert(tokens.begin(), kFakeBos);
    return tokens;
}

std::string FakeEngine::piece(Token token, SpecialTokens special) const { return fake_piece(token, special); }

Result<std::shared_ptr<const AnswerFormat>> FakeEngine::plan_answer(
    const ChatPrompt& prompt, const AnswerConstraint& constraint) const {
    return plan_fake_answer(prompt, constraint);
}

Result<RenderedChat> FakeEngine::render(const ChatPrompt& prompt) const {
    ChatPrompt messages = prompt;
    messages.generation_prompt = GenerationPrompt::kNo;
    return RenderedChat{fake_render(options_.chat_template, prompt),
                        fake_render(options_.chat_template, messages).size()};
}

Result<std::uint64_t> FakeEngine::rest() {
    if (!sequences_.empty()) return fail(ErrorCode::kConflict, "a sequence is open");
    const EngineMemory held = memory();
    rests_ = true;
    return held.kv_pool_bytes + held.compute_bytes;
}

Result<SequenceId> FakeEngine::open_sequence() {
    rests_ = false;
    for (std::uint32_t i = 0; i < options_.sequences; ++i) {
        const auto id = static_cast<SequenceId>(i);
        if (sequences_.try_emplace(id).second) return id;
    }
    return fail(ErrorCode::kUnavailable, "all sequences are taken");
}

void FakeEngine::close_sequence(SequenceId sequence) { sequences_.erase(sequence); }

bool FakeEngine::is_window_complete(const Sequence& sequence, Position position) const {
    const TokenRange needed = layout().window_range(position);
    if (!windowed() || needed.empty()) return true;
    return sequence.window_begin <= needed.begin && sequence.window_end() >= position;
}

bool FakeEngine::is_complete(const Sequence& sequence) const {
    const Position end = sequence.append_end();
    if (layout().has_snapshot() && sequence.snapshot_end != end) return false;
    return is_window_complete(sequence, end);
}

Position FakeEngine::length_of(const Sequence& sequence) const {
    return is_complete(sequence) ? sequence.append_end() : 0;
}

Position FakeEngine::floor_of(const Sequence& sequence) const {
    if (layout().has_snapshot()) return length_of(sequence);
    if (!windowed()) return 0;
    const Position begin = sequence.window.empty() ? sequence.append_end() : sequence.window_begin;
    return std::min(layout().window_complete_from(begin), sequence.append_end());
}

Position FakeEngine::length(SequenceId sequence) const { return length_of(at(sequence)); }

Position FakeEngine::rewind_floor(SequenceId sequence) const { return floor_of(at(sequence)); }

Status FakeEngine::rewind(SequenceId id, Position position) {
    Sequence& sequence = at(id);
    if (position > length_of(sequence) || (position > 0 && position < floor_of(sequence))) {
        return fail(ErrorCode::kInvalidArgument, "cannot rewind to " + std::to_string(position));
    }
    if (position == length_of(sequence)) return {};
    cut(sequence, position);
    return {};
}

void FakeEngine::cut(Sequence& sequence, Position position) {
    sequence.append.resize(position);
    while (sequence.window_end() > position && !sequence.window.empty()) sequence.window.pop_back();
    if (position > 0) return;
    sequence = Sequence{};
}

Status FakeEngine::fork(SequenceId from, SequenceId to, Position position) {
    const Sequence& source = at(from);
    if (from == to || !at(to).append.empty() || position > length_of(source) || position < floor_of(source)) {
        return fail(ErrorCode::kInvalidArgument, "cannot fork at " + std::to_string(position));
    }
    at(to) = source;
    return rewind(to, position);
}

std::span<const float> FakeEngine::logits(std::size_t row) const { return logits_.at(row); }

CellUsage FakeEngine::cells() const {
    CellUsage usage;
    usage.append_total = append_total_;
    usage.append_used = *append_used_;
    usage.window_total = fake_.layout().window_tokens * options_.sequences;
    for (const auto& [id, sequence] : sequences_) {
        usage.window_used += static_cast<std::uint32_t>(sequence.window.size());
    }
    return usage;
}

std::uint32_t FakeEngine::append_cells(SequenceId sequence) const { return at(sequence).append_end(); }

EngineMemory FakeEngine::memory() const {
    EngineMemory memory;
    memory.weights_bytes = info_.weights_bytes;
    if (rests_) return memory;
    memory.kv_pool_bytes = append_total_ * fake_.layout().row_bytes(Plane::kAppend) +
                           cells().window_total * fake_.layout().row_bytes(Plane::kWindow);
    memory.compute_bytes = options_.batch_tokens * sizeof(float) * kFakeVocabulary;
    return memory;
}

}  // namespace kvasir::test
