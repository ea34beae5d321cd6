// Turns and exact tokens: SqliteCatalog's part that a turn is acknowledged by.
#include <limits>

#include <fmt/core.h>

#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

Status check_new_turn(const NewTurn& turn, const AgentHead& head) {
    if (turn.expected_head != head.turn)
        return fail(ErrorCode::kConflict,
                    "another turn of this agent was committed meanwhile: read it again and repeat");
    if (turn.token_begin > head.token_count)
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("a turn begins at token {}, but the agent has {} tokens", turn.token_begin,
                                head.token_count));
    if (turn.prompt_token_count > turn.tokens.size())
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("a turn has {} tokens, but claims {} prompt tokens", turn.tokens.size(),
                                turn.prompt_token_count));
    if (turn.tokens.size() > std::numeric_limits<Position>::max() - turn.token_begin)
        return fail(ErrorCode::kInvalidArgument, "a turn has too many tokens");
    return {};
}

TurnRecord read_turn(SqliteStatement& row) {
    TurnRecord turn;
    turn.id = TurnId{row.int_at(0)};
    if (!row.is_null(1)) turn.parent = TurnId{row.int_at(1)};
    turn.number = row.position_at(2);
    turn.user_text = row.text_at(3);
    turn.assistant_text = row.text_at(4);
    turn.tokens = row.tokens_at(5);
    turn.token_begin = row.position_at(6);
    turn.prompt_token_count = row.position_at(7);
    turn.finish_reason = row.text_at(8);
    turn.created_unix_ms = row.int_at(9);
    return turn;
}

TurnRecord record_of(const NewTurn& turn, const AgentHead& head, std::int64_t now_unix_ms) {
    TurnRecord record;
    record.parent = head.turn;
    record.number = head.turn ? head.turn_count + 1 : 0;
    record.user_text = turn.user_text;
    record.assistant_text = turn.assistant_text;
    record.tokens = turn.tokens;
    record.token_begin = turn.token_begin;
    record.prompt_token_count = turn.prompt_token_count;
    record.finish_reason = turn.finish_reason;
    record.created_unix_ms = now_unix_ms;
    return record;
}

}  // namespace

Result<AgentHead> read_head(SqliteConnection& connection, AgentId agent) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        connection.prepare("SELECT head_turn_id, token_count, turn_count FROM agents WHERE id = ?"));
    statement.bind_int(to_row(agent));
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return fail(ErrorCode::kNotFound, "this agent does not exist (any more)");
    AgentHead head;
    if (!statement.is_null(0)) head.turn = TurnId{statement.int_at(0)};
    head.token_count = statement.position_at(1);
    head.turn_count = statement.position_at(2);
    return head;
}

Result<TurnRecord> append_turn(SqliteConnection& connection, const AgentHead& head, const NewTurn& turn,
                               std::int64_t now_unix_ms) {
    KVASIR_TRY(check_new_turn(turn, head));
    TurnRecord record = record_of(turn, head, now_unix_ms);
    KVASIR_TRY_ASSIGN(
        auto insert, connection.prepare(
                         "INSERT INTO turns (agent_id, parent_id, number, user_text, assistant_text, tokens, "
                         "token_begin, prompt_token_count, finish_reason, created_unix_ms) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    insert.bind_int(to_row(turn.agent));
    if (record.parent)
        insert.bind_int(to_row(*record.parent));
    else
        insert.bind_null();
    insert.bind_count(record.number).bind_text(record.user_text).bind_text(record.assistant_text);
    insert.bind_tokens(record.tokens).bind_count(record.token_begin).bind_count(record.prompt_token_count);
    KVASIR_TRY(insert.bind_text(record.finish_reason).bind_int(now_unix_ms).run());
    record.id = TurnId{connection.last_insert_id()};

    KVASIR_TRY_ASSIGN(
        auto advance,
        connection.prepare("UPDATE agents SET head_turn_id = ?, token_count = ?, turn_count = ?, "
                           "last_used_unix_ms = ? WHERE id = ?"));
    advance.bind_int(to_row(record.id)).bind_count(record.token_begin + record.tokens.size());
    KVASIR_TRY(advance.bind_count(record.number).bind_int(now_unix_ms).bind_int(to_row(turn.agent)).run());
    return record;
}

Result<std::vector<TurnRecord>> read_turns(SqliteConnection& connection, AgentId agent) {
    // UNION, not UNION ALL: a damaged tree with a cycle in it must end too.
    KVASIR_TRY_ASSIGN(
        auto statement,
        connection.prepare("WITH RECURSIVE path (id) AS ("
                           "SELECT head_turn_id FROM agents WHERE id = ? UNION "
                           "SELECT t.parent_id FROM turns AS t JOIN path ON t.id = path.id) "
                           "SELECT t.id, parent_id, number, user_text, assistant_text, tokens, token_begin, "
                           "prompt_token_count, finish_reason, created_unix_ms "
                           "FROM turns AS t JOIN path ON t.id = path.id ORDER BY number"));
    statement.bind_int(to_row(agent));
    std::vector<TurnRecord> turns;
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, statement.step());
        if (!row) break;
        turns.push_back(read_turn(statement));
        KVASIR_TRY(statement.column_error());
    }
    return turns;
}

Result<std::vector<Token>> join_tokens(const std::vector<TurnRecord>& turns) {
    std::vector<Token> tokens;
    for (const TurnRecord& turn : turns) {
        if (turn.token_begin > tokens.size())
            return fail(
                ErrorCode::kStoreUnusable,
                fmt::format(
                    "the catalog is damaged: turn {} begins at token {}, but only {} come before it; run "
                    "`kvasir doctor`, or restore a backup of the store",
                    turn.number, turn.token_begin, tokens.size()));
        tokens.resize(turn.token_begin);
        tokens.insert(tokens.end(), turn.tokens.begin(), turn.tokens.end());
    }
    return tokens;
}

Result<TurnRecord> SqliteCatalog::commit_turn(const NewTurn& turn, std::int64_t now_unix_ms) {
    return transact([&](SqliteConnection& db) -> Result<TurnRecord> {
        KVASIR_TRY_ASSIGN(const AgentHead head, read_head(db, turn.agent));
        return append_turn(db, head, turn, now_unix_ms);
    });
}

Result<std::vector<TurnRecord>> SqliteCatalog::turns(AgentId agent) {
    return read([&](SqliteConnection& db) -> Result<std::vector<TurnRecord>> {
        KVASIR_TRY(read_head(db, agent));
        return read_turns(db, agent);
    });
}

Result<std::vector<Token>> SqliteCatalog::tokens(AgentId agent) {
    return read([&](SqliteConnection& db) -> Result<std::vector<Token>> {
        KVASIR_TRY_ASSIGN(const AgentHead head, read_head(db, agent));
        KVASIR_TRY_ASSIGN(const std::vector<TurnRecord> turns, read_turns(db, agent));
        KVASIR_TRY_ASSIGN(std::vector<Token> tokens, join_tokens(turns));
        if (tokens.size() != head.token_count)
            return fail(
                ErrorCode::kStoreUnusable,
                fmt::format(
                    "the catalog is damaged: an agent has {} tokens where {} are noted; run `kvasir doctor`, "
                    "or restore a backup of the store",
                    tokens.size(), head.token_count));
        return tokens;
    });
}

}  // namespace kvasir
