// From a request to a running turn, and the turn of one caller who waits for it.
#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/names.h"
#include "memory/agent_info.h"
#include "memory/context_fit.h"
#include "memory/engine_agent_memory.h"
#include "memory/input_checks.h"
#include "memory/turn_run.h"

namespace kvasir {

namespace {

Status check_request(const TurnRequest& request) {
    KVASIR_TRY(check_agent_name(request.agent));
    if (request.messages.empty() && !request.raw_prompt)
        return fail(ErrorCode::kInvalidArgument, "there is no message");
    for (const ChatMessage& message : request.messages) {
        KVASIR_TRY(check_text(message.content, "the message"));
        KVASIR_TRY(check_text(message.reasoning, "the reasoning"));
    }
    if (request.answer_tokens_max == 0)
        return fail(ErrorCode::kInvalidArgument, "an answer has at least one token");
    return {};
}

// What a turn came to that was asked under the request's key before: the turns up to it. Empty: none was.
Result<std::vector<TurnRecord>> turns_under_key(Catalog& catalog, AgentId agent, const TurnRequest& request) {
    KVASIR_TRY_ASSIGN(const auto before, catalog.find_idempotent(agent, request.idempotency_key));
    if (!before) return std::vector<TurnRecord>();
    KVASIR_TRY_ASSIGN(auto path, catalog.path_to(*before));
    const ChatMessage* user = last_user_message(request.messages);
    const std::string& asked = path.back().user_text;  // "" after results of tools
    if (user != nullptr && !asked.empty() && user->content != asked) {
        return fail(ErrorCode::kConflict,
                    "this Idempotency-Key belongs to another message: a new message needs a new one");
    }
    return path;
}

}  // namespace

Status EngineAgentMemory::check_fits(const Conversation& conversation, Position size) const {
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
    return {};
}

Status EngineAgentMemory::check_cells_left(const TurnRequest& request, std::uint64_t cells) {
    if (!request.cells_max || cells <= *request.cells_max + 1) return {};
    return fail(ErrorCode::kUnavailable, "the turn needs " + std::to_string(cells) + " KV cells and " +
                                             std::to_string(*request.cells_max) +
                                             " are not reserved by others: try again later");
}

Result<std::uint32_t> EngineAgentMemory::answer_room(const Conversation& conversation, const Prompt& prompt,
                                                     std::uint32_t answer_tokens_max) const {
    const auto size = static_cast<Position>(prompt.tokens.size());
    KVASIR_TRY(check_fits(conversation, size));
    const Position context = context_.engine.model().context_tokens;
    const std::uint32_t cells = context_.engine.cells().append_total;
    // The last token of an answer takes no cell.
    return std::min({answer_tokens_max, context - size, cells - size + 1});
}

Result<AgentRecord> EngineAgentMemory::record_of(const TurnRequest& request) {
    auto record = context_.store.catalog().agent(request.agent);
    const bool missing = !record && record.error().code == ErrorCode::kNotFound;
    if (!missing || request.create_missing == CreateMissing::kNo) return record;
    KVASIR_TRY(context_.store.admit_turn());
    const Opening opening = opening_of(request);
    std::string system_prompt;
    for (const ChatMessage& message : opening.messages)
        system_prompt += (system_prompt.empty() ? "" : "\n\n") + message.content;
    return store_new_agent(request, system_prompt, opening);
}

// Such texts hang on a root of their own, so that they and the agent's conversations never meet.
Result<Conversation> EngineAgentMemory::raw_conversation(const AgentRecord& record) {
    Catalog& catalog = context_.store.catalog();
    const Digest256 key = Sha256("kvasir.raw_texts.v1").finish();
    KVASIR_TRY_ASSIGN(auto root, catalog.find_turn(record.id, key));
    if (!root) {
        KVASIR_TRY_ASSIGN(const TurnRecord made,
                          catalog.add_root({record.id, {}, encode({}), key}, clock_.unix_ms()));
        root = made.id;
    }
    KVASIR_TRY_ASSIGN(auto path, catalog.path_to(*root));
    return conversation_at(record, std::move(path));
}

Status EngineAgentMemory::fit_context(const AgentRecord& record, const TurnRequest& request,
                                      PreparedTurn& turn) const {
    const Position context = context_.engine.model().context_tokens;
    const Position answer = answer_allowance(request.answer_tokens_max, context);
    if (turn.prompt.tokens.size() + answer <= context) return {};
    KVASIR_TRY_ASSIGN(const WhenFull when_full, when_full_for(record, request.when_full));
    if (when_full == WhenFull::kRefuse) return {};
    KVASIR_TRY_ASSIGN(FittedPrompt fitted,
                      fit_prompt(context_.engine, turn.conversation, turn.added, request.thinking));
    turn.prompt = std::move(fitted.prompt);
    turn.turns_dropped = fitted.turns_dropped;
    turn.report.prompt_tokens = static_cast<Position>(turn.prompt.tokens.size());
    turn.report.history_tokens = turn.prompt.history_end;
    return {};
}

Status EngineAgentMemory::add_prompt(const AgentRecord& record, const TurnRequest& request,
                                     PreparedTurn& turn) {
    if (request.raw_prompt) {
        KVASIR_TRY_ASSIGN(turn.prompt, make_raw_prompt(context_.engine, *request.raw_prompt));
        KVASIR_TRY_ASSIGN(turn.conversation, raw_conversation(record));
        turn.added = {{Role::kUser, text_of(context_.engine, *request.raw_prompt), {}, {}, {}, {}}};
        return {};
    }
    SentHistory history;
    if (request.history == History::kStored) {
        KVASIR_TRY_ASSIGN(history.conversation, head_conversation(record));
        history.by = MatchedBy::kHeld;
    } else {
        KVASIR_TRY_ASSIGN(history, sent_history(record, request));
    }
    turn.added.assign(request.messages.begin() + static_cast<std::ptrdiff_t>(history.known),
                      request.messages.end());
    if (turn.added.empty())
        return fail(ErrorCode::kInvalidArgument, "the conversation has system messages only");
    KVASIR_TRY_ASSIGN(turn.prompt,
                      make_prompt(context_.engine, history.conversation, turn.added, request.thinking));
    turn.report = report_of(request, history, turn.prompt);
    turn.conversation = std::move(history.conversation);
    return fit_context(record, request, turn);
}

Result<PreparedTurn> EngineAgentMemory::prepare(TurnRequest request) {
    PreparedTurn turn;
    turn.begin_us = clock_.monotonic_us();
    KVASIR_TRY(check_request(request));
    KVASIR_TRY(turn_to_twin(request));
    KVASIR_TRY_ASSIGN(AgentRecord record, record_of(request));
    KVASIR_TRY(check_model(record));
    Catalog& catalog = context_.store.catalog();
    if (!request.idempotency_key.empty()) {
        KVASIR_TRY_ASSIGN(auto path, turns_under_key(catalog, record.id, request));
        if (!path.empty() && !path.back().cut_off()) {
            KVASIR_TRY_ASSIGN(turn.conversation, conversation_at(record, std::move(path)));
            turn.request = std::move(request);
            return turn;
        }
        // Nobody was told that it is over: it is done again, in its place.
        const bool is_last = !path.empty() && record.head == path.back().id;
        if (is_last && request.history == History::kStored) {
            KVASIR_TRY_ASSIGN(record, catalog.go_back(record.name, path.back().number - 1, clock_.unix_ms()));
        }
    }
    if (request.expected_turn && *request.expected_turn != record.turn_count) {
        return fail(ErrorCode::kConflict, "the agent " + printable(record.name) + " is at turn " +
                                              std::to_string(record.turn_count) + ", not at " +
                                              std::to_string(*request.expected_turn) +
                                              ": read what was said meanwhile, then decide");
    }
    KVASIR_TRY(context_.store.admit_turn());
    KVASIR_TRY(add_prompt(record, request, turn));
    KVASIR_TRY_ASSIGN(turn.answer_tokens_max,
                      answer_room(turn.conversation, turn.prompt, request.answer_tokens_max));
    KVASIR_TRY(check_cells_left(request, turn.prompt.tokens.size() + turn.answer_tokens_max));
    if (request.reading == AnswerReading::kParsed) {
        KVASIR_TRY_ASSIGN(turn.format, context_.engine.plan_answer(
                                           chat_prompt(turn.conversation, turn.added, request.thinking),
                                           request.constraint));
    }
    turn.fingerprint_changes = fingerprint_changes_;
    turn.request = std::move(request);
    return turn;
}

Result<std::unique_ptr<TurnRun>> EngineAgentMemory::begin_turn(TurnRequest request, TurnSinks sinks) {
    if (request.purpose == TurnPurpose::kCreate) return begin_creation(std::move(request), std::move(sinks));
    if (request.purpose == TurnPurpose::kLoad) return begin_loading(std::move(request), std::move(sinks));
    KVASIR_TRY_ASSIGN(PreparedTurn turn, prepare(std::move(request)));
    const TurnContext context{context_, clock_, places_, logs_.matches.get()};
    if (turn.prompt.tokens.empty()) return TurnRun::replay(context, std::move(turn), std::move(sinks));
    return TurnRun::start(context, std::move(turn), std::move(sinks));
}

Status EngineAgentMemory::evaluate(std::span<const BatchRow> rows) { return places_.decode(rows); }

Result<TurnResult> EngineAgentMemory::message(const std::string& name, const std::string& text,
                                              const MessageOptions& options) {
    TurnRequest request;
    request.agent = name;
    request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
    request.reading = AnswerReading::kRaw;
    request.sampling = options.sampling;
    request.answer_tokens_max = options.answer_tokens_max;
    request.cancelled = options.cancelled;
    TurnSinks sinks;
    sinks.on_progress = options.on_progress;
    if (options.on_text) sinks.on_piece = [&](const AnswerPiece& piece) { options.on_text(piece.content); };
    return run_alone(std::move(request), std::move(sinks));
}

Result<TurnResult> EngineAgentMemory::run_alone(TurnRequest request, TurnSinks sinks) {
    const std::uint64_t evaluated_before = context_.engine.counters().total();
    KVASIR_TRY_ASSIGN(const auto run, begin_turn(std::move(request), std::move(sinks)));
    std::vector<BatchRow> rows;
    run->restore();
    while (run->stage() == TurnStage::kPrefill || run->stage() == TurnStage::kDecode) {
        rows.clear();
        if (run->add_rows(rows, context_.engine.model().batch_tokens) == 0) continue;
        if (Status evaluated = evaluate(rows); !evaluated)
            run->abandon(std::move(evaluated).error());
        else
            run->evaluated(0);
    }
    const std::uint64_t evaluated = context_.engine.counters().total() - evaluated_before;
    run->save();
    Result<TurnResult> result = run->result();
    if (result) result->metrics.evaluated_by_engine = evaluated;
    return result;
}

}  // namespace kvasir
