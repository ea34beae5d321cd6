// The end of a turn: the durable answer, the KV after it, and what is told about both.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/names.h"
#include "memory/context_fit.h"
#include "memory/turn_run.h"

namespace kvasir {

namespace {

// Tokens of a stored answer up to where its reasoning ends.
Position reasoning_tokens_of(const Engine& engine, const TurnRecord& turn, const std::string& reasoning) {
    const std::size_t begin = reasoning.empty() ? std::string::npos : turn.assistant_text.find(reasoning);
    if (begin == std::string::npos) return 0;
    std::size_t bytes = 0;
    Position count = 0;
    for (std::size_t i = turn.prompt_token_count; i < turn.tokens.size(); ++i) {
        if (bytes >= begin + reasoning.size()) break;
        bytes += engine.piece(turn.tokens[i], SpecialTokens::kParse).size();
        ++count;
    }
    return count;
}

}  // namespace

// Tokens of a stop string are not part of the answer; where it begins inside a token, the rest of that
// token's text is.
std::vector<Token> TurnRun::committed_answer() const {
    if (!answer_.stopped()) return answer_tokens_;
    const auto& ends = answer_.token_ends();
    const std::size_t bytes = answer_.text().size();
    std::size_t kept = 0;
    while (kept < ends.size() && ends[kept] <= bytes) ++kept;
    std::vector<Token> tokens(answer_tokens_.begin(),
                              answer_tokens_.begin() + static_cast<std::ptrdiff_t>(kept));
    const std::size_t covered = kept == 0 ? 0 : ends[kept - 1];
    const auto rest = context_.kv.engine.tokenize(std::string_view(answer_.text()).substr(covered),
                                                  SpecialTokens::kAsText, SequenceStart::kNo);
    if (rest) tokens.insert(tokens.end(), rest->begin(), rest->end());
    return tokens;
}

NewTurn TurnRun::new_turn(const std::vector<Token>& answer) const {
    NewTurn record;
    record.agent = turn_.conversation.agent.id;
    if (turn_.request.history == History::kStored)
        record.expected_head = turn_.conversation.agent.head;
    else
        record.parent = turn_.conversation.parent();
    if (const ChatMessage* user = last_user_message(turn_.added)) record.user_text = user->content;
    record.assistant_text = turn_result_.text;
    record.token_begin = turn_.prompt.history_end;
    record.tokens.assign(turn_.prompt.tokens.begin() + record.token_begin, turn_.prompt.tokens.end());
    record.prompt_token_count = static_cast<std::uint32_t>(record.tokens.size());
    record.tokens.insert(record.tokens.end(), answer.begin(), answer.end());
    record.finish_reason = turn_result_.finish_reason;
    record.idempotency_key = turn_.request.idempotency_key;
    TurnMessages messages{turn_.added, {}};
    messages.messages.push_back(turn_result_.message);
    record.messages = encode(messages);
    if (turn_.request.response) record.response = turn_.request.response(turn_result_);
    if (turn_.request.raw_prompt) {
        record.head_move = HeadMove::kStays;
        return record;  // without a key: nobody looks for it
    }
    // What the client sent, not what it was found to mean: that is what it will send again.
    const bool sent = turn_.request.history == History::kSent;
    ConversationKey key(turn_.conversation.tools);
    for (const ChatMessage& message : sent ? turn_.request.messages : turn_.conversation.messages)
        key.add(message);
    if (!sent) {
        for (const ChatMessage& message : turn_.added) key.add(message);
    }
    key.add(turn_result_.message);
    record.conversation_key = key.value();
    return record;
}

Status TurnRun::commit() {
    const std::int64_t begin_us = context_.clock.monotonic_us();
    const std::vector<Token> answer = committed_answer();
    const auto committed =
        context_.kv.store.catalog().commit_turn(new_turn(answer), context_.clock.unix_ms());
    turn_result_.metrics.commit_ms = ms_since(begin_us);
    if (!committed) {
        return fail(committed.error().code,
                    "the answer of " + printable(turn_.conversation.agent.name) +
                        " was not made durable and is forgotten: " + committed.error().message);
    }
    turn_result_.turn = committed->number;
    const TurnMetrics& metrics = turn_result_.metrics;
    context_.places.note_prefill(metrics.evaluated_tokens, metrics.prefill_ms);
    context_.places.history().add(
        turn_.request.agent,
        {committed->number, committed->created_unix_ms, metrics.prompt_tokens, metrics.reused_tokens,
         metrics.source, metrics.not_reused_reason, metrics.restore_ms, metrics.prefill_ms});
    context_.places.tell({MemoryEventKind::kAnswered, turn_.request.agent, answer_tokens_.size(),
                          turn_result_.metrics.decode_ms, turn_result_.finish_reason});
    if (agent_->branch != committed->branch) {
        agent_->branch = committed->branch;
        agent_->durable_at.reset();
    }
    agent_->rows_of = RowsOf::kConversation;
    look_ahead(answer.size(), committed->id);
    return {};
}

// The next turn, if it is like this one, does not fit: what stays of the conversation then is worth reading
// before it comes.
void TurnRun::look_ahead(std::size_t answer_tokens, TurnId committed) {
    if (turn_.request.raw_prompt) return;
    const Engine& engine = context_.kv.engine;
    const Position context = engine.model().context_tokens;
    const std::size_t size = turn_.prompt.tokens.size() + answer_tokens;
    if (size < context / 2) return;  // without looking further
    const std::size_t next = size + message_tokens(engine, turn_.added);
    if (next + answer_allowance(turn_.request.answer_tokens_max, context) <= context) return;
    turn_result_.read_ahead = ReadAhead{
        turn_.conversation.agent.name, committed, turn_.request.thinking, turn_.request.when_full, {}};
}

// All of the next prompt's beginning is there. It is saved when the agent leaves.
void TurnRun::end_reading_ahead() {
    const TurnMetrics& metrics = turn_result_.metrics;
    if (metrics.evaluated_tokens > 0)
        context_.places.tell({MemoryEventKind::kReadAhead, agent(), metrics.evaluated_tokens,
                              metrics.prefill_ms, std::to_string(metrics.prompt_tokens) + " tokens stay"});
    context_.places.release(*std::exchange(agent_, nullptr));
    stage_ = TurnStage::kDone;
    note_result();
}

// All rows are there, and nothing is to be said.
void TurnRun::end_without_answer() {
    turn_result_.metrics.prefill_ms = ms_since(phase_begin_us_);
    if (turn_.request.purpose == TurnPurpose::kReadAhead) return end_reading_ahead();
    agent_->rows_of = RowsOf::kConversation;
    const AgentRecord& record = turn_.conversation.agent;
    context_.places.note_prefill(turn_result_.metrics.evaluated_tokens, turn_result_.metrics.prefill_ms);
    if (turn_.request.purpose == TurnPurpose::kCreate) {
        context_.places.tell({MemoryEventKind::kCreated, record.name, turn_.conversation.tokens.size(),
                              turn_result_.metrics.prefill_ms, record.type});
    } else {
        const Status touched = context_.kv.store.catalog().touch_agent(record.id, context_.clock.unix_ms());
        if (!touched) log(LogLevel::kWarning, "agent_not_touched", touched.error().message);
    }
    stage_ = TurnStage::kAnswered;
    note_result();
}

bool TurnRun::is_continued_by(const TurnRequest& request) const {
    if (request.agent != agent()) return false;
    if (request.raw_prompt || turn_.request.raw_prompt)
        return request.raw_prompt.has_value() == turn_.request.raw_prompt.has_value();
    const std::size_t before = turn_.conversation.messages.size();
    if (request.messages.size() < before + turn_.added.size()) return false;
    return std::equal(turn_.added.begin(), turn_.added.end(),
                      request.messages.begin() + static_cast<std::ptrdiff_t>(before),
                      [](const ChatMessage& ours, const ChatMessage& sent) {
                          return ours.role == sent.role && ours.content == sent.content;
                      });
}

// The place is the save's from here on.
void TurnRun::begin_save() {
    context_.places.release(*agent_);
    save_ = context_.places.begin_save(*std::exchange(agent_, nullptr));
}

void TurnRun::save_some() {
    if (stage_ != TurnStage::kAnswered) return;
    if (!save_ && agent_ == nullptr) {  // a replay
        stage_ = TurnStage::kDone;
        return;
    }
    if (!save_) begin_save();
    save_->step();
    if (!save_->done()) return;
    const SaveResult result = save_->result();
    save_.reset();
    saved(result);
}

void TurnRun::saved(const SaveResult& saved) {
    stage_ = TurnStage::kDone;
    TurnMetrics& metrics = turn_result_.metrics;
    metrics.save_ms = saved.save_ms;
    metrics.append_bytes_written = saved.append_bytes_written;
    metrics.append_rows_written = saved.append_rows_written;
    metrics.window_bytes_written = saved.window_bytes_written;
    metrics.snapshot_bytes_written = saved.snapshot_bytes_written;
    turn_result_.durability = saved.durability;
    turn_result_.save = saved;
    add_warning(turn_result_.warning, saved.warning);
    note_result();
}

std::unique_ptr<TurnRun> TurnRun::replay(TurnContext context, PreparedTurn prepared, TurnSinks sinks) {
    std::unique_ptr<TurnRun> run(new TurnRun(context, std::move(prepared), std::move(sinks)));
    const TurnRecord& turn = run->turn_.conversation.turns.back();
    TurnResult& result = run->turn_result_;
    result.text = turn.assistant_text;
    if (!run->turn_.conversation.messages.empty()) result.message = run->turn_.conversation.messages.back();
    result.finish_reason = turn.finish_reason;
    result.turn = turn.number;
    result.metrics.prompt_tokens = turn.token_begin + turn.prompt_token_count;
    result.metrics.reused_tokens = result.metrics.prompt_tokens;
    result.metrics.answer_tokens = static_cast<Position>(turn.tokens.size() - turn.prompt_token_count);
    result.metrics.reasoning_tokens = reasoning_tokens_of(context.kv.engine, turn, result.message.reasoning);
    AnswerPiece piece;
    piece.content = result.message.content;
    piece.reasoning = result.message.reasoning;
    for (std::size_t i = 0; i < result.message.tool_calls.size(); ++i) {
        const ToolCall& call = result.message.tool_calls[i];
        piece.tool_calls.push_back({i, call.id, call.name, call.arguments});
    }
    if (run->sinks_.on_prompt) run->sinks_.on_prompt(result.metrics);
    run->show(piece);
    run->stage_ = TurnStage::kAnswered;
    run->note_result();
    return run;
}

std::string not_reused_reason(const PreparedTurn& turn, const KvContext& kv, const Reuse& reuse) {
    if (turn.request.purpose == TurnPurpose::kCreate) return "";  // nothing was expected
    if (turn.turns_dropped > 0) return "oldest_turns_dropped";
    if (turn.report.difference) return "prefix_changed";
    const Position expected = turn.conversation.rows_end();
    if (turn.prompt.history_end < std::min<std::size_t>(expected, turn.conversation.tokens.size())) {
        return "prefix_changed";
    }
    if (reuse.position >= std::min<std::size_t>(expected, turn.prompt.tokens.size() - 1)) return "";
    if (!reuse.failures.empty()) return "damaged";
    if (reuse.choice == RestoreChoice::kRecompute) return "recompute_cheaper";
    if (kv.keeps_points() && reuse.stored_end >= expected) return "no_restore_point";
    return turn.fingerprint_changes.empty() ? "not_stored" : "fingerprint_changed";
}

std::string dropped_warning(std::uint32_t turns) {
    return "the context is full: the " + std::to_string(turns) +
           " oldest turn(s) were left out of the prompt; they stay in the store";
}

std::string restore_warning(const std::string& reason, const Reuse& reuse,
                            const std::string& fingerprint_changes, Position evaluated) {
    if (!reuse.failures.empty()) {
        return std::to_string(reuse.failures.size()) + " stored KV block(s) could not be used (" +
               reuse.failures.front() + "): " + std::to_string(evaluated) + " tokens were read again";
    }
    if (reason == "fingerprint_changed") {
        return "the stored KV belongs to other settings (" + fingerprint_changes +
               "): " + std::to_string(evaluated) + " tokens were read again";
    }
    return "";
}

}  // namespace kvasir
