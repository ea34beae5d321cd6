// Conversations that a client sends whole: what of them is known, what is new, and what is told about it.
#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "memory/engine_agent_memory.h"
#include "memory/restore_plan.h"
#include "memory/restore_points.h"
#include "memory/text_match.h"

namespace kvasir {

const char* to_string(MatchedBy by) {
    switch (by) {
        case MatchedBy::kNothing:
            return "nothing";
        case MatchedBy::kHeld:
            return "held";
        case MatchedBy::kMessages:
            return "messages";
        case MatchedBy::kText:
            return "text";
    }
    return "nothing";
}

Result<std::optional<EngineAgentMemory::SentHistory>> EngineAgentMemory::find_history(
    const AgentRecord& record, const TurnRequest& request) {
    Catalog& catalog = context_.store.catalog();
    KVASIR_TRY_ASSIGN(const auto match, find_match(catalog, record.id, request));
    if (!match) return std::optional<SentHistory>();
    SentHistory sent;
    sent.by = MatchedBy::kMessages;
    KVASIR_TRY_ASSIGN(auto path, catalog.path_to(match->turn));
    KVASIR_TRY_ASSIGN(sent.conversation, conversation_at(record, std::move(path)));
    sent.known = match->messages;
    const auto added = [&] { return std::span(request.messages).subspan(sent.known); };
    KVASIR_TRY_ASSIGN(auto further,
                      match_text(context_.engine, catalog, sent.conversation, added(), request.thinking));
    if (further) {
        sent.by = MatchedBy::kText;
        sent.conversation = std::move(further->conversation);
        sent.known += further->messages;
    }
    // An answer that is still not known is one that came back changed.
    const std::size_t to_answer = messages_to_answer(added());
    if (to_answer > 0 && to_answer < added().size()) {
        KVASIR_TRY_ASSIGN(sent.difference,
                          find_difference(catalog, sent.conversation, request.messages, sent.known));
    }
    return std::optional<SentHistory>(std::move(sent));
}

Result<EngineAgentMemory::SentHistory> EngineAgentMemory::sent_history(const AgentRecord& record,
                                                                       const TurnRequest& request) {
    KVASIR_TRY_ASSIGN(auto known, find_history(record, request));
    if (known) return std::move(*known);
    Catalog& catalog = context_.store.catalog();
    const Opening opening = opening_of(request);
    NewRoot root{record.id, {}, encode({opening.messages, opening.tools}), opening.key()};
    KVASIR_TRY_ASSIGN(root.prefix_tokens, system_prefix(context_.engine, opening, record.created_unix_ms));
    KVASIR_TRY_ASSIGN(const TurnRecord made, catalog.add_root(root, clock_.unix_ms()));
    SentHistory sent;
    KVASIR_TRY_ASSIGN(auto path, catalog.path_to(made.id));
    KVASIR_TRY_ASSIGN(sent.conversation, conversation_at(record, std::move(path)));
    sent.known = opening.messages.size();
    KVASIR_TRY_ASSIGN(sent.difference, find_opening_difference(catalog, record.id, made.id, opening));
    return sent;
}

// The same way as the turn itself goes, but nothing is written.
Result<EngineAgentMemory::DryMatch> EngineAgentMemory::dry_match(const TurnRequest& request) {
    DryMatch dry;
    const auto record = context_.store.catalog().agent(request.agent);
    if (!record && record.error().code != ErrorCode::kNotFound) return fail(record.error());
    std::vector<ChatMessage> added = request.messages;
    if (record && request.history == History::kSent) {
        KVASIR_TRY_ASSIGN(auto known, find_history(*record, request));
        if (known) {
            dry.history = std::move(*known);
            added.erase(added.begin(), added.begin() + static_cast<std::ptrdiff_t>(dry.history.known));
        } else {
            KVASIR_TRY_ASSIGN(
                dry.history.difference,
                find_opening_difference(context_.store.catalog(), record->id, {}, opening_of(request)));
        }
    } else if (record) {
        KVASIR_TRY_ASSIGN(dry.history.conversation, head_conversation(*record));
        dry.history.by = MatchedBy::kHeld;
    }
    Conversation& conversation = dry.history.conversation;
    if (conversation.turns.empty()) {
        conversation.agent.created_unix_ms = record ? record->created_unix_ms : clock_.unix_ms();
        conversation.tools = request.tools;
    }
    KVASIR_TRY_ASSIGN(dry.prompt, make_prompt(context_.engine, conversation, added, request.thinking));
    return dry;
}

Result<Position> EngineAgentMemory::count_tokens(const TurnRequest& asked) {
    TurnRequest request = asked;
    KVASIR_TRY(turn_to_twin(request));
    KVASIR_TRY_ASSIGN(const DryMatch dry, dry_match(request));
    return static_cast<Position>(dry.prompt.tokens.size());
}

MatchReport EngineAgentMemory::report_of(const TurnRequest& request, const SentHistory& history,
                                         const Prompt& prompt) const {
    MatchReport report;
    report.agent = request.agent;
    report.request_id = request.request_id;
    report.unix_ms = clock_.unix_ms();
    report.by = history.by;
    if (!history.conversation.turns.empty()) report.turn = history.conversation.turns.back().number;
    report.messages = request.messages.size();
    report.messages_known = history.known;
    report.prompt_tokens = static_cast<Position>(prompt.tokens.size());
    report.history_tokens = prompt.history_end;
    report.difference = history.difference;
    return report;
}

Result<MatchReport> EngineAgentMemory::match(const TurnRequest& asked) {
    TurnRequest request = asked;
    KVASIR_TRY(turn_to_twin(request));
    KVASIR_TRY_ASSIGN(const DryMatch dry, dry_match(request));
    MatchReport report = report_of(request, dry.history, dry.prompt);
    if (report.difference) report.not_reused_reason = "prefix_changed";
    if (dry.prompt.tokens.empty()) return report;
    const Position most = report.prompt_tokens - 1;  // an answer begins with logits
    for (const ResidentAgent* agent : places_.find_all(request.agent))
        report.reused_tokens =
            std::max(report.reused_tokens, std::min(most, common_prefix(agent->rows, dry.prompt.tokens)));
    const Conversation& conversation = dry.history.conversation;
    RestoreRequest wanted{dry.prompt.tokens, most, {}, nullptr, std::nullopt};
    if (!conversation.turns.empty()) {
        wanted.boundaries = points_of_prompt(context_.layout(), conversation, dry.prompt, 0);
        wanted.agent = conversation.agent.id;
    }
    KVASIR_TRY_ASSIGN(const RestorePlan plan, plan_restore(context_, wanted));
    report.reused_tokens = std::max(report.reused_tokens, plan.position);
    return report;
}

}  // namespace kvasir
