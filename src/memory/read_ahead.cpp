// Reading where nobody waits: of a conversation that has filled its context, what its next prompt begins
// with. Nothing of it is durable but KV of tokens that any turn may come to, so that it can end anywhere.
#include <utility>

#include "memory/agent_info.h"
#include "memory/context_fit.h"
#include "memory/engine_agent_memory.h"
#include "memory/token_chain.h"

namespace kvasir {

namespace {

tl::unexpected<Error> not_needed() {
    return fail(ErrorCode::kNotFound, "there is nothing to be read ahead for it any more");
}

// Rows of the conversation may go: they are stored. Rows of an earlier try are gone on from.
bool may_be_replaced(const ResidentAgent& place, const Conversation& conversation,
                     const std::vector<Token>& wanted) {
    const auto is_begun_by_place = [&](const std::vector<Token>& tokens) {
        return common_prefix(place.rows, tokens) == place.rows.size();
    };
    return is_begun_by_place(wanted) || (place.durable() && is_begun_by_place(conversation.tokens));
}

}  // namespace

Result<WhenFull> EngineAgentMemory::when_full_for(const AgentRecord& record,
                                                  std::optional<WhenFull> asked) const {
    if (asked) return *asked;
    return context_.store.catalog().agent_option(record.id, kWhenFullOption).map([](const std::string& set) {
        return when_full_of(set);
    });
}

Result<std::unique_ptr<TurnRun>> EngineAgentMemory::begin_read_ahead(ReadAhead& wish) {
    KVASIR_TRY_ASSIGN(const AgentRecord record, context_.store.catalog().agent(wish.agent));
    KVASIR_TRY(check_model(record));
    KVASIR_TRY_ASSIGN(const WhenFull when_full, when_full_for(record, wish.when_full));
    if (when_full == WhenFull::kRefuse) return not_needed();
    KVASIR_TRY_ASSIGN(auto path, context_.store.catalog().path_to(wish.after));
    PreparedTurn turn;
    turn.begin_us = clock_.monotonic_us();
    KVASIR_TRY_ASSIGN(turn.conversation, conversation_at(record, std::move(path)));
    if (wish.tokens.empty()) {
        KVASIR_TRY_ASSIGN(wish.tokens, kept_tokens(context_.engine, turn.conversation, wish.thinking));
    }
    const ResidentAgent* place = places_.find_idle(wish.agent, turn.conversation.branch());
    if (place == nullptr || !may_be_replaced(*place, turn.conversation, wish.tokens)) return not_needed();
    const auto end = static_cast<Position>(wish.tokens.size());
    if (end == 0 || place->length() == end) return not_needed();
    turn.boundaries = {std::min(turn.conversation.prefix_end(), end), end};
    turn.prompt = {wish.tokens, end, end};
    turn.conversation.tokens = wish.tokens;  // what stays of the rows when it is broken off
    turn.request.agent = wish.agent;
    turn.request.purpose = TurnPurpose::kReadAhead;
    return TurnRun::start({context_, clock_, places_}, std::move(turn), {});
}

}  // namespace kvasir
