// An agent that comes with its conversation: SqliteCatalog's part. All of it is there, or nothing.
#include <utility>

#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

NewTurn new_turn(AgentId agent, const TurnRecord& from) {
    NewTurn turn;
    turn.agent = agent;
    turn.user_text = from.user_text;
    turn.assistant_text = from.assistant_text;
    turn.token_begin = from.token_begin;
    turn.tokens = from.tokens;
    turn.prompt_token_count = from.prompt_token_count;
    turn.finish_reason = from.finish_reason;
    turn.messages = from.messages;
    turn.conversation_key = from.conversation_key;
    return turn;
}

Status set_created(SqliteConnection& db, AgentId agent, std::int64_t created_unix_ms) {
    KVASIR_TRY_ASSIGN(auto update, db.prepare("UPDATE agents SET created_unix_ms = ? WHERE id = ?"));
    return update.bind_int(created_unix_ms).bind_int(to_row(agent)).run();
}

}  // namespace

Result<AgentRecord> SqliteCatalog::import_agent(const NewImport& import, std::int64_t now_unix_ms) {
    if (import.turns.empty() || import.turns.front().token_begin != 0)
        return fail(ErrorCode::kInvalidArgument, "a conversation begins with a system prefix at token 0");
    return transact([&](SqliteConnection& db) -> Result<AgentRecord> {
        KVASIR_TRY(check_name_free(db, import.agent.name));
        KVASIR_TRY_ASSIGN(const AgentId agent, insert_agent(db, import.agent, now_unix_ms));
        KVASIR_TRY(set_created(db, agent, import.created_unix_ms));
        const TurnRecord& first = import.turns.front();
        KVASIR_TRY_ASSIGN(TurnRecord head,
                          insert_root(db, {agent, first.tokens, first.messages, first.conversation_key},
                                      first.created_unix_ms));
        for (std::size_t i = 1; i < import.turns.size(); ++i) {
            const TurnRecord& turn = import.turns[i];
            KVASIR_TRY_ASSIGN(head, insert_turn_after(db, new_turn(agent, turn), head, turn.created_unix_ms));
        }
        KVASIR_TRY(move_head(db, agent, head, now_unix_ms));
        return known_agent(db, import.agent.name);
    });
}

}  // namespace kvasir
