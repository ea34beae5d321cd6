// One message: from the prompt to the durable answer.
#include <algorithm>
#include <utility>

#include "base/names.h"
#include "memory/engine_agent_memory.h"
#include "memory/generation.h"
#include "memory/input_checks.h"

namespace kvasir {

namespace {

// Positions inside the prompt at which a later turn may branch off.
std::vector<Position> boundaries_of(const Conversation& conversation, const Prompt& prompt) {
    const auto size = static_cast<Position>(prompt.tokens.size());
    std::vector<Position> boundaries = {std::min(conversation.prefix_end(), prompt.history_end),
                                        prompt.message_end, size - 1};
    std::erase_if(boundaries, [&](Position boundary) { return boundary == 0 || boundary >= size; });
    std::sort(boundaries.begin(), boundaries.end());
    boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
    return boundaries;
}

}  // namespace

Result<std::uint32_t> EngineAgentMemory::answer_room(const Conversation& conversation, const Prompt& prompt,
                                                     const MessageOptions& options) const {
    const auto size = static_cast<Position>(prompt.tokens.size());
    const Position context = context_.engine.model().context_tokens;
    if (size + 1 > context) {
        return fail(
            ErrorCode::kContextFull,
            "the prompt of " + printable(conversation.agent.name) + " has " + std::to_string(size) +
                " tokens and the maximum context length is " + std::to_string(context) +
                " tokens, one of them for the answer: shorten the message, or open the model with more "
                "(--ctx-size)");
    }
    const std::uint32_t cells = context_.engine.cells().append_total;
    if (size > cells) {
        return fail(ErrorCode::kOutOfMemory, "the prompt needs " + std::to_string(size) +
                                                 " KV cells, available are " + std::to_string(cells) +
                                                 ": raise --kv-cells");
    }
    // The last token of an answer takes no cell.
    return std::min({options.answer_tokens_max, context - size, cells - size + 1});
}

std::string EngineAgentMemory::not_reused_reason(const Turn& turn, const Reuse& reuse) const {
    const Position expected = turn.conversation.rows_end();
    if (turn.prompt.history_end < std::min<std::size_t>(expected, turn.conversation.tokens.size())) {
        return "prefix_changed";
    }
    if (reuse.position >= std::min<std::size_t>(expected, turn.prompt.tokens.size() - 1)) return "";
    if (!reuse.failures.empty()) return "damaged";
    if (context_.windowed() && reuse.stored_end >= expected) return "no_restore_point";
    return fingerprint_changes_.empty() ? "not_stored" : "fingerprint_changed";
}

std::string EngineAgentMemory::restore_warning(const std::string& reason, const Reuse& reuse,
                                               Position evaluated) const {
    if (!reuse.failures.empty()) {
        return std::to_string(reuse.failures.size()) + " stored KV block(s) could not be used (" +
               reuse.failures.front() + "): " + std::to_string(evaluated) + " tokens were read again";
    }
    if (reason == "fingerprint_changed") {
        return "the stored KV belongs to other settings (" + fingerprint_changes_ +
               "): " + std::to_string(evaluated) + " tokens were read again";
    }
    return "";
}

Result<std::size_t> EngineAgentMemory::read_prompt(ResidentAgent& agent, Turn& turn) {
    TurnMetrics& metrics = turn.result.metrics;
    const auto total = static_cast<Position>(turn.prompt.tokens.size());
    Wanted wanted{turn.prompt.tokens, total - 1, boundaries_of(turn.conversation, turn.prompt)};
    const auto progress = [&](TurnPhase phase, Position done, Position of) {
        if (turn.options.on_progress) turn.options.on_progress(phase, done, of);
    };
    KVASIR_TRY_ASSIGN(const Reuse reuse, places_.reuse(agent, wanted, [&](Position done) {
        progress(TurnPhase::kRestore, done, total);
    }));
    metrics.prompt_tokens = total;
    metrics.reused_tokens = reuse.position;
    metrics.evaluated_tokens = total - reuse.position;
    metrics.source = reuse.source;
    metrics.not_reused_reason = not_reused_reason(turn, reuse);
    metrics.restore_ms = reuse.restore_ms;
    add_warning(turn.result.warning,
                restore_warning(metrics.not_reused_reason, reuse, metrics.evaluated_tokens));
    const std::int64_t prefill_begin_us = clock_.monotonic_us();
    PrefillRequest request{
        turn.prompt.tokens, wanted.boundaries, LastLogits::kYes, turn.options.cancelled, {}};
    request.on_progress = [&](Position done, Position of) { progress(TurnPhase::kPrefill, done, of); };
    KVASIR_TRY_ASSIGN(const std::size_t row,
                      prefill(context_.engine, agent, request, places_.decode_for(agent)));
    metrics.prefill_ms = ms_since(prefill_begin_us);
    return row;
}

Status EngineAgentMemory::commit(const Turn& turn, const std::vector<Token>& answer) {
    NewTurn record;
    record.agent = turn.conversation.agent.id;
    record.expected_head = turn.conversation.agent.head;
    record.user_text = turn.text;
    record.assistant_text = turn.result.text;
    record.token_begin = turn.prompt.history_end;
    record.tokens.assign(turn.prompt.tokens.begin() + record.token_begin, turn.prompt.tokens.end());
    record.prompt_token_count = static_cast<std::uint32_t>(record.tokens.size());
    record.tokens.insert(record.tokens.end(), answer.begin(), answer.end());
    record.finish_reason = turn.result.finish_reason;
    const auto committed = context_.store.catalog().commit_turn(record, clock_.unix_ms());
    if (committed) return {};
    return fail(committed.error().code,
                "the answer of " + printable(turn.conversation.agent.name) +
                    " was not made durable and is forgotten: " + committed.error().message);
}

Status EngineAgentMemory::speak(ResidentAgent& agent, Turn& turn) {
    TurnMetrics& metrics = turn.result.metrics;
    agent.busy = AgentState::kActive;
    const std::uint64_t evaluated_before = context_.engine.counters().total();
    KVASIR_TRY_ASSIGN(const std::size_t row, read_prompt(agent, turn));
    const std::int64_t decode_begin_us = clock_.monotonic_us();
    GenerationRequest request;
    request.first_row = row;
    request.tokens_max = turn.answer_tokens_max;
    request.on_first_token = [&] { metrics.first_token_ms = ms_since(turn.begin_us); };
    KVASIR_TRY_ASSIGN(Answer answer,
                      generate(context_.engine, agent, turn.options, request, places_.decode_for(agent)));
    metrics.decode_ms = ms_since(decode_begin_us);
    metrics.answer_tokens = static_cast<Position>(answer.tokens.size());
    metrics.evaluated_by_engine = context_.engine.counters().total() - evaluated_before;
    turn.result.text = std::move(answer.text);
    turn.result.finish_reason = std::move(answer.finish_reason);
    const std::int64_t commit_begin_us = clock_.monotonic_us();
    KVASIR_TRY(commit(turn, answer.tokens));
    metrics.commit_ms = ms_since(commit_begin_us);
    agent.busy.reset();
    const SaveResult saved = places_.save(agent);
    metrics.save_ms = saved.save_ms;
    metrics.append_bytes_written = saved.append_bytes_written;
    metrics.append_rows_written = saved.append_rows_written;
    metrics.window_bytes_written = saved.window_bytes_written;
    turn.result.durability = saved.durability;
    add_warning(turn.result.warning, saved.warning);
    return {};
}

Result<TurnResult> EngineAgentMemory::message(const std::string& name, const std::string& text,
                                              const MessageOptions& options) {
    const std::int64_t begin_us = clock_.monotonic_us();
    KVASIR_TRY(check_text(text, "the message"));
    if (options.answer_tokens_max == 0) {
        return fail(ErrorCode::kInvalidArgument, "an answer has at least one token");
    }
    KVASIR_TRY_ASSIGN(const Conversation conversation, open_conversation(name));
    KVASIR_TRY(context_.store.admit_turn());
    KVASIR_TRY_ASSIGN(const Prompt prompt, make_prompt(context_.engine, conversation, text));
    KVASIR_TRY_ASSIGN(const std::uint32_t room, answer_room(conversation, prompt, options));
    KVASIR_TRY_ASSIGN(ResidentAgent * agent, places_.take(conversation.agent));
    Turn turn{conversation, prompt, text, options, room, begin_us, {}};
    const Status spoken = speak(*agent, turn);
    for (const std::string& warning : places_.take_warnings()) add_warning(turn.result.warning, warning);
    if (spoken) return std::move(turn.result);
    places_.roll_back(*agent, conversation.tokens);
    return fail(spoken.error());
}

}  // namespace kvasir
