// Reading without answering: a stored agent becomes resident, a new one is made.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/names.h"
#include "memory/agent_title.h"
#include "memory/engine_agent_memory.h"
#include "memory/input_checks.h"

namespace kvasir {

namespace {

// Where points are worth keeping: those that are kept now, the system prefix, the last prompt, the end.
Result<std::vector<Position>> boundaries_of(const KvContext& context, const Conversation& conversation) {
    std::vector<Position> boundaries = {conversation.prefix_end(), conversation.rows_end()};
    if (conversation.turns.size() > 1) {
        const TurnRecord& last = conversation.turns.back();
        boundaries.push_back(last.token_begin + last.prompt_token_count - 1);
    }
    KVASIR_TRY_ASSIGN(const auto kept,
                      context.store.catalog().restore_positions(
                          conversation.agent.id, context.root.fingerprint, conversation.rows_end()));
    boundaries.insert(boundaries.end(), kept.begin(), kept.end());
    std::erase_if(boundaries,
                  [&](Position boundary) { return boundary == 0 || boundary > conversation.rows_end(); });
    std::sort(boundaries.begin(), boundaries.end());
    boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
    return boundaries;
}

Status check_new_agent(const TurnRequest& request) {
    KVASIR_TRY(check_agent_name(request.agent));
    KVASIR_TRY(check_agent_type(request.agent_type));
    return check_text(request.system_prompt, "the system prompt");
}

}  // namespace

Result<AgentRecord> EngineAgentMemory::store_new_agent(const TurnRequest& request,
                                                       const std::string& system_prompt,
                                                       const Opening& opening) {
    const std::int64_t now_unix_ms = clock_.unix_ms();
    const ModelInfo& model = context_.engine.model();
    KVASIR_TRY_ASSIGN(std::vector<Token> prefix, system_prefix(context_.engine, opening, now_unix_ms));
    if (prefix.size() + 1 > model.context_tokens) {
        return fail(ErrorCode::kContextFull, "the system prompt has " + std::to_string(prefix.size()) +
                                                 " tokens and the maximum context length is " +
                                                 std::to_string(model.context_tokens) +
                                                 " tokens (--ctx-size)");
    }
    NewAgent agent{request.agent,     request.agent_type,
                   system_prompt,     context_.engine.fingerprint().model_id(),
                   model.name,        model.path,
                   std::move(prefix), encode({opening.messages, opening.tools}),
                   opening.key(),     {},
                   request.made_by,   request.parent_agent};
    if (request.made_by == MadeBy::kSession) agent.title = title_of(request.messages);
    return context_.store.catalog().create_agent(agent, now_unix_ms);
}

// Nobody was told of the agent: the name is free again.
void EngineAgentMemory::undo_creation(const std::string& name) {
    for (ResidentAgent* agent : places_.find_all(name)) places_.drop(*agent);
    const auto erased = erase_stored_agent(context_.store, name);
    if (!erased) log(LogLevel::kWarning, "failed_creation_not_undone", erased.error().message);
}

Result<PreparedTurn> EngineAgentMemory::prepare_filling(const AgentRecord& record, TurnRequest request) {
    PreparedTurn turn;
    turn.begin_us = clock_.monotonic_us();
    KVASIR_TRY(check_model(record));
    KVASIR_TRY_ASSIGN(turn.conversation, head_conversation(record));
    const Position end = turn.conversation.rows_end();
    const auto begin = turn.conversation.tokens.begin();
    turn.prompt = {{begin, begin + end}, end, end};
    KVASIR_TRY(check_fits(turn.conversation, end));
    KVASIR_TRY(check_cells_left(request, end));
    KVASIR_TRY_ASSIGN(turn.boundaries, boundaries_of(context_, turn.conversation));
    turn.fingerprint_changes = fingerprint_changes_;
    turn.request = std::move(request);
    return turn;
}

Result<std::unique_ptr<TurnRun>> EngineAgentMemory::begin_loading(TurnRequest request, TurnSinks sinks) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(request.agent));
    KVASIR_TRY_ASSIGN(PreparedTurn turn, prepare_filling(record, std::move(request)));
    return TurnRun::start({context_, clock_, places_}, std::move(turn), std::move(sinks));
}

Result<std::unique_ptr<TurnRun>> EngineAgentMemory::begin_creation(TurnRequest request, TurnSinks sinks) {
    const std::string name = request.agent;
    KVASIR_TRY(check_new_agent(request));
    KVASIR_TRY(context_.store.admit_turn());
    KVASIR_TRY(places_.check_room(name));  // before anything is written
    KVASIR_TRY_ASSIGN(const AgentRecord record,
                      store_new_agent(request, request.system_prompt, opening_of(request.system_prompt)));
    auto turn = prepare_filling(record, std::move(request));
    if (!turn) {
        undo_creation(name);
        return fail(std::move(turn).error());
    }
    turn->on_abandoned = [this, name] { undo_creation(name); };
    return TurnRun::start({context_, clock_, places_}, std::move(*turn), std::move(sinks));
}

Result<CreateResult> EngineAgentMemory::create(const std::string& name, const std::string& type,
                                               const std::string& system_prompt) {
    TurnRequest request;
    request.agent = name;
    request.purpose = TurnPurpose::kCreate;
    request.agent_type = type;
    request.system_prompt = system_prompt;
    KVASIR_TRY_ASSIGN(const TurnResult result, run_alone(std::move(request), {}));
    KVASIR_TRY_ASSIGN(AgentInfo agent, show(name));
    return created_by(result, std::move(agent));
}

Result<LoadResult> EngineAgentMemory::load(const std::string& name) {
    KVASIR_TRY(context_.store.catalog().agent(name));
    KVASIR_TRY(check_idle(name));
    TurnRequest request;
    request.agent = name;
    request.purpose = TurnPurpose::kLoad;
    KVASIR_TRY_ASSIGN(const TurnResult result, run_alone(std::move(request), {}));
    return loaded_by(result);
}

CreateResult created_by(const TurnResult& result, AgentInfo agent) {
    CreateResult created;
    created.agent = std::move(agent);
    created.reused_tokens = result.metrics.reused_tokens;
    created.evaluated_tokens = result.metrics.evaluated_tokens;
    created.prefill_ms = result.metrics.prefill_ms;
    created.restore_ms = result.metrics.restore_ms;
    created.save = result.save;
    created.save.warning = result.warning;
    return created;
}

LoadResult loaded_by(const TurnResult& result) {
    LoadResult loaded;
    loaded.source = result.metrics.source;
    const bool was_resident = loaded.source == ReuseSource::kNone || loaded.source == ReuseSource::kResident;
    loaded.restored_tokens = was_resident ? 0 : result.metrics.reused_tokens;
    loaded.evaluated_tokens = result.metrics.evaluated_tokens;
    loaded.warning = result.warning;
    loaded.restore_ms = result.metrics.restore_ms;
    loaded.prefill_ms = result.metrics.prefill_ms;
    return loaded;
}

}  // namespace kvasir
