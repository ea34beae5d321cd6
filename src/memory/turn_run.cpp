// Driving: rows in, tokens out.
#include "memory/turn_run.h"

#include <algorithm>
#include <utility>

#include "memory/logprobs.h"
#include "memory/prefill.h"
#include "memory/restore_points.h"

namespace kvasir {

namespace {

AnswerStreamOptions stream_options(const PreparedTurn& turn) {
    return {turn.format, turn.request.stops,
            std::to_string(static_cast<std::int64_t>(turn.conversation.agent.id)) + "/" +
                std::to_string(turn.prompt.tokens.size()) + "/" + std::to_string(turn.begin_us)};
}

}  // namespace

TurnRun::TurnRun(TurnContext context, PreparedTurn prepared, TurnSinks sinks)
    : context_(context),
      turn_(std::move(prepared)),
      sinks_(std::move(sinks)),
      answer_(stream_options(turn_)),
      result_(fail(ErrorCode::kUnavailable, "the turn is not over")) {}

TurnRun::~TurnRun() {
    save_.reset();
    if (stage_ != TurnStage::kAnswered && stage_ != TurnStage::kDone)
        abandon({ErrorCode::kCancelled, "the turn was dropped"});
    if (agent_ != nullptr) context_.places.release(*agent_);
}

Result<std::unique_ptr<TurnRun>> TurnRun::start(TurnContext context, PreparedTurn prepared, TurnSinks sinks) {
    std::unique_ptr<TurnRun> run(new TurnRun(context, std::move(prepared), std::move(sinks)));
    PreparedTurn& turn = run->turn_;
    if (run->answers()) {
        SamplingOptions sampling = turn.request.sampling;
        sampling.format = turn.format;
        KVASIR_TRY_ASSIGN(run->sampler_, context.kv.engine.make_sampler(sampling));
    }
    const bool ahead = turn.request.purpose == TurnPurpose::kReadAhead;
    KVASIR_TRY_ASSIGN(run->agent_, ahead ? context.places.take_own(turn.conversation)
                                         : context.places.take(turn.conversation, turn.prompt.tokens));
    run->agent_->cells_promised = run->cells_max();
    context.places.begin_reading(*run->agent_, turn.prompt.tokens);
    const auto total = static_cast<Position>(turn.prompt.tokens.size());
    run->wanted_ = run->wanted_rows();
    run->restore_ = context.places.begin_reuse(*run->agent_, run->wanted_,
                                               [on = run->sinks_.on_progress, total](Position done) {
                                                   if (on) on(TurnPhase::kRestore, done, total);
                                               });
    return run;
}

// An answer begins with logits, so that its prompt's last token is always evaluated.
Wanted TurnRun::wanted_rows() const {
    const auto total = static_cast<Position>(turn_.prompt.tokens.size());
    if (!answers()) return {turn_.prompt.tokens, total, turn_.boundaries};
    const KvLayout& layout = context_.kv.layout();
    const std::uint64_t state_bytes = std::max(layout.snapshot_bytes(), agent_->snapshots.bytes_seen());
    return {turn_.prompt.tokens, total - 1,
            points_of_prompt(layout, turn_.conversation, turn_.prompt, state_bytes)};
}

void TurnRun::restore_some() {
    if (stage_ != TurnStage::kRestore) return;
    if (is_cancelled(turn_.request.cancelled))
        return abandon({ErrorCode::kCancelled, "cancelled while its KV was restored"});
    if (Status step = restore_->step(); !step) return abandon(std::move(step).error());
    if (!restore_->done()) return;
    const Reuse reuse = restore_->reuse();
    restore_.reset();
    restored(reuse);
}

void TurnRun::restored(const Reuse& reuse) {
    TurnMetrics& metrics = turn_result_.metrics;
    metrics.agent = turn_.conversation.agent.name;
    metrics.prompt_tokens = static_cast<Position>(turn_.prompt.tokens.size());
    metrics.reused_tokens = reuse.position;
    metrics.evaluated_tokens = metrics.prompt_tokens - reuse.position;
    metrics.source = reuse.source;
    metrics.not_reused_reason = not_reused_reason(turn_, context_.kv, reuse);
    metrics.turns_dropped = turn_.turns_dropped;
    if (metrics.turns_dropped > 0) add_warning(turn_result_.warning, dropped_warning(metrics.turns_dropped));
    if (metrics.not_reused_reason == "damaged") ++context_.kv.store.health().counters.rebuilds;
    metrics.restore_ms = reuse.restore_ms;
    note_match(metrics);
    add_warning(turn_result_.warning, restore_warning(metrics.not_reused_reason, reuse,
                                                      turn_.fingerprint_changes, metrics.evaluated_tokens));
    phase_begin_us_ = context_.clock.monotonic_us();
    stage_ = TurnStage::kPrefill;
    if (sinks_.on_prompt) sinks_.on_prompt(metrics);
    if (metrics.evaluated_tokens == 0) end_without_answer();
}

void TurnRun::note_match(TurnMetrics& metrics) {
    if (turn_.report.difference) metrics.changed_field = turn_.report.difference->field;
    if (context_.match_log == nullptr || !answers() || turn_.request.raw_prompt) return;
    MatchReport report = turn_.report;
    report.reused_tokens = metrics.reused_tokens;
    report.not_reused_reason = metrics.not_reused_reason;
    context_.match_log->add(std::move(report));
}

bool TurnRun::is_boundary(Position position) const {
    return std::find(wanted_.boundaries.begin(), wanted_.boundaries.end(), position) !=
           wanted_.boundaries.end();
}

std::size_t TurnRun::add_rows(std::vector<BatchRow>& rows, std::size_t rows_max) {
    rows_asked_ = 0;
    if (rows_max == 0) return 0;
    if (stage_ == TurnStage::kDecode) {
        rows.push_back({agent_->sequence, answer_tokens_.back(), agent_->length(), true});
        return rows_asked_ = 1;
    }
    if (stage_ != TurnStage::kPrefill) return 0;
    if (is_cancelled(turn_.request.cancelled)) {
        abandon({ErrorCode::kCancelled, "cancelled while reading the prompt"});
        return 0;
    }
    const Position begin = agent_->length();
    const Position end = static_cast<Position>(turn_.prompt.tokens.size());
    auto split_at = context_.kv.keeps_points() ? wanted_.boundaries : std::vector<Position>();
    // Windows of the model move on: others copy what they wait for where it ends.
    if (context_.kv.keeps_points())
        split_at.insert(split_at.end(), agent_->awaited.begin(), agent_->awaited.end());
    const auto chunk_max =
        static_cast<std::uint32_t>(std::min<std::size_t>(rows_max, context_.kv.engine.model().batch_tokens));
    const TokenRange chunk = plan_chunks({begin, end}, chunk_max, split_at).front();
    for (Position i = chunk.begin; i < chunk.end; ++i)
        rows.push_back({agent_->sequence, turn_.prompt.tokens[i], i, false});
    rows.back().wants_logits = answers() && chunk.end == end;
    return rows_asked_ = chunk.size();
}

void TurnRun::evaluated(std::size_t first) {
    Engine& engine = context_.kv.engine;
    if (stage_ == TurnStage::kDecode) {
        agent_->rows.push_back(answer_tokens_.back());
        return sample(first);
    }
    const auto begin = turn_.prompt.tokens.begin() + agent_->length();
    agent_->rows.insert(agent_->rows.end(), begin, begin + static_cast<std::ptrdiff_t>(rows_asked_));
    if (context_.kv.keeps_points() && is_boundary(agent_->length())) capture_boundary(engine, *agent_);
    TurnMetrics& metrics = turn_result_.metrics;
    if (sinks_.on_progress) {
        sinks_.on_progress(TurnPhase::kPrefill, agent_->length() - metrics.reused_tokens,
                           metrics.evaluated_tokens);
    }
    if (agent_->length() < turn_.prompt.tokens.size()) return;
    if (!answers()) return end_without_answer();
    metrics.prefill_ms = ms_since(phase_begin_us_);
    phase_begin_us_ = context_.clock.monotonic_us();
    if (is_cancelled(turn_.request.cancelled))
        return abandon({ErrorCode::kCancelled, "cancelled before the answer began"});
    stage_ = TurnStage::kDecode;
    sample(first + rows_asked_ - 1);
}

void TurnRun::show(const AnswerPiece& piece) {
    if (!piece.empty() && sinks_.on_piece) sinks_.on_piece(piece);
}

void TurnRun::sample(std::size_t row) {
    Engine& engine = context_.kv.engine;
    const Token token = sampler_->sample(row);
    answer_tokens_.push_back(token);
    if (answer_tokens_.size() == 1) turn_result_.metrics.first_token_ms = ms_since(turn_.begin_us);
    if (engine.is_end_of_turn(token)) return end_answer("stop");
    std::optional<TokenLogprob> logprob;
    if (turn_.request.top_logprobs) logprob = logprob_of(engine, row, token, *turn_.request.top_logprobs);
    const bool marker = turn_.format && turn_.format->is_marker(token);
    const auto special = marker ? SpecialTokens::kParse : SpecialTokens::kAsText;
    show(answer_.push(engine.piece(token, special), std::move(logprob)));
    if (answer_.stopped()) return end_answer("stop");
    if (answer_tokens_.size() >= turn_.answer_tokens_max) return end_answer("length");
    if (is_cancelled(turn_.request.cancelled)) end_answer(kCutOff);
}

void TurnRun::end_answer(std::string finish_reason) {
    show(answer_.finish());
    turn_result_.metrics.decode_ms = ms_since(phase_begin_us_);
    turn_result_.metrics.answer_tokens = static_cast<Position>(answer_tokens_.size());
    turn_result_.metrics.reasoning_tokens = static_cast<Position>(answer_.reasoning_tokens());
    turn_result_.text = answer_.text();
    turn_result_.message = answer_.message();
    turn_result_.stop_matched = answer_.stop_matched();
    turn_result_.finish_reason = std::move(finish_reason);
    if (context_.kv.keeps_points()) capture_boundary(context_.kv.engine, *agent_);
    if (Status committed = commit(); !committed) return end_undurable(std::move(committed).error());
    stage_ = TurnStage::kAnswered;
    begin_save();
    note_result();
}

// Whoever has heard the answer already is told that it is not remembered; the agent is as it was.
void TurnRun::end_undurable(Error error) {
    if (turn_.request.undurable == UndurableAnswer::kRefused || error.code == ErrorCode::kConflict)
        return abandon(std::move(error));
    turn_result_.durability = Durability::kNothing;
    add_warning(turn_result_.warning, error.message);
    context_.places.tell({MemoryEventKind::kNotSaved, agent(), answer_tokens_.size(), 0, error.message});
    context_.places.roll_back(*std::exchange(agent_, nullptr), turn_.conversation.tokens);
    stage_ = TurnStage::kDone;
    note_result();
}

void TurnRun::note_result() {
    for (const std::string& warning : context_.places.take_warnings())
        add_warning(turn_result_.warning, warning);
    result_ = turn_result_;
}

void TurnRun::abandon(Error error) {
    result_ = fail(std::move(error));
    stage_ = TurnStage::kDone;
    restore_.reset();
    if (ResidentAgent* agent = std::exchange(agent_, nullptr))
        context_.places.roll_back(*agent, turn_.conversation.tokens);
    if (turn_.on_abandoned) std::exchange(turn_.on_abandoned, nullptr)();
}

}  // namespace kvasir
