// Turns and exact tokens: SqliteCatalog's part that a turn is acknowledged by.
#include <limits>

#include <fmt/core.h>

#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

constexpr const char* kTurnColumns =
    "t.id, t.parent_id, t.branch_id, t.number, t.user_text, t.assistant_text, t.tokens, t.token_begin, "
    "t.prompt_token_count, t.finish_reason, t.messages, t.conversation_key, t.created_unix_ms";

// Where a new turn hangs.
struct Parent {
    std::optional<TurnId> turn;
    std::uint32_t number = 0;
    Position token_count = 0;
    BranchId branch{};
    bool has_children_on_branch = false;
};

Status check_new_turn(const NewTurn& turn, const Parent& parent) {
    if (turn.token_begin > parent.token_count)
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("a turn begins at token {}, but the agent has {} tokens", turn.token_begin,
                                parent.token_count));
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
    turn.branch = BranchId{row.int_at(2)};
    turn.number = row.position_at(3);
    turn.user_text = row.text_at(4);
    turn.assistant_text = row.text_at(5);
    turn.tokens = row.tokens_at(6);
    turn.token_begin = row.position_at(7);
    turn.prompt_token_count = row.position_at(8);
    turn.finish_reason = row.text_at(9);
    turn.messages = row.text_at(10);
    if (!row.is_null(11)) turn.conversation_key = row.digest_at(11);
    turn.created_unix_ms = row.int_at(12);
    return turn;
}

Result<std::vector<TurnRecord>> read_path(SqliteStatement& statement) {
    std::vector<TurnRecord> turns;
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, statement.step());
        if (!row) break;
        turns.push_back(read_turn(statement));
        KVASIR_TRY(statement.column_error());
    }
    return turns;
}

Result<Parent> read_parent(SqliteConnection& db, AgentId agent, TurnId turn) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        db.prepare("SELECT number, token_begin + length(tokens) / 4, branch_id, "
                   "EXISTS (SELECT 1 FROM turns AS c WHERE c.parent_id = t.id AND c.branch_id = t.branch_id) "
                   "FROM turns AS t WHERE id = ? AND agent_id = ?"));
    statement.bind_int(to_row(turn)).bind_int(to_row(agent));
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return fail(ErrorCode::kNotFound, "the turn to go on from does not exist (any more)");
    Parent parent;
    parent.turn = turn;
    parent.number = statement.position_at(0);
    parent.token_count = statement.position_at(1);
    parent.branch = BranchId{statement.int_at(2)};
    parent.has_children_on_branch = statement.int_at(3) != 0;
    return parent;
}

Result<TurnRecord> insert_turn(SqliteConnection& db, const NewTurn& turn, const Parent& parent,
                               std::int64_t now_unix_ms) {
    KVASIR_TRY_ASSIGN(auto insert,
                      db.prepare("INSERT INTO turns (agent_id, parent_id, branch_id, number, user_text, "
                                 "assistant_text, tokens, token_begin, prompt_token_count, finish_reason, "
                                 "messages, conversation_key, idempotency_key, created_unix_ms) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    TurnRecord record;
    record.parent = parent.turn;
    record.number = parent.turn ? parent.number + 1 : 0;
    insert.bind_int(to_row(turn.agent));
    if (parent.turn)
        insert.bind_int(to_row(*parent.turn));
    else
        insert.bind_null();
    insert.bind_int(to_row(parent.branch)).bind_count(record.number);
    insert.bind_text(turn.user_text).bind_text(turn.assistant_text).bind_tokens(turn.tokens);
    insert.bind_count(turn.token_begin).bind_count(turn.prompt_token_count).bind_text(turn.finish_reason);
    insert.bind_text(turn.messages).bind_digest(turn.conversation_key);
    if (turn.idempotency_key.empty())
        insert.bind_null();
    else
        insert.bind_text(turn.idempotency_key);
    KVASIR_TRY(insert.bind_int(now_unix_ms).run());
    record.id = TurnId{db.last_insert_id()};
    record.branch = parent.branch;
    if (!parent.turn || parent.has_children_on_branch) {
        record.branch = BranchId{to_row(record.id)};
        KVASIR_TRY_ASSIGN(auto own, db.prepare("UPDATE turns SET branch_id = id WHERE id = ?"));
        KVASIR_TRY(own.bind_int(to_row(record.id)).run());
    }
    record.user_text = turn.user_text;
    record.assistant_text = turn.assistant_text;
    record.tokens = turn.tokens;
    record.token_begin = turn.token_begin;
    record.prompt_token_count = turn.prompt_token_count;
    record.finish_reason = turn.finish_reason;
    record.messages = turn.messages;
    record.conversation_key = turn.conversation_key;
    record.created_unix_ms = now_unix_ms;
    return record;
}

Result<TurnId> root_of(SqliteConnection& db, TurnId turn) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        db.prepare("WITH RECURSIVE path (id, parent_id) AS ("
                   "SELECT id, parent_id FROM turns WHERE id = ? UNION "
                   "SELECT t.id, t.parent_id FROM turns AS t JOIN path ON t.id = path.parent_id) "
                   "SELECT id FROM path WHERE parent_id IS NULL"));
    statement.bind_int(to_row(turn));
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return fail(ErrorCode::kStoreUnusable, "the catalog is damaged: a turn without a root");
    return TurnId{statement.int_at(0)};
}

// A title or a summary under another system prompt must not turn the agent away from its conversation.
Result<bool> head_follows(SqliteConnection& db, const AgentHead& head, const TurnRecord& turn) {
    if (!head.turn || head.turn_count == 0) return true;
    KVASIR_TRY_ASSIGN(const TurnId head_root, root_of(db, *head.turn));
    KVASIR_TRY_ASSIGN(const TurnId turn_root, root_of(db, turn.id));
    return head_root == turn_root;
}

Status check_idempotency(SqliteConnection& db, const NewTurn& turn) {
    if (turn.idempotency_key.empty()) return {};
    KVASIR_TRY_ASSIGN(auto statement, db.prepare("SELECT id, finish_reason FROM turns "
                                                 "WHERE agent_id = ? AND idempotency_key = ?"));
    statement.bind_int(to_row(turn.agent)).bind_text(turn.idempotency_key);
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return {};
    if (statement.text_at(1) != kCutOff)
        return fail(ErrorCode::kConflict, "a turn with this Idempotency-Key was committed meanwhile");
    KVASIR_TRY_ASSIGN(auto give_up, db.prepare("UPDATE turns SET idempotency_key = NULL WHERE id = ?"));
    return give_up.bind_int(statement.int_at(0)).run();
}

Result<std::optional<TurnId>> one_turn(SqliteStatement& statement) {
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return std::optional<TurnId>();
    return std::optional<TurnId>(TurnId{statement.int_at(0)});
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

Result<TurnRecord> insert_root(SqliteConnection& connection, const NewRoot& root, std::int64_t now_unix_ms) {
    NewTurn turn;
    turn.agent = root.agent;
    turn.tokens = root.prefix_tokens;
    turn.prompt_token_count = static_cast<std::uint32_t>(root.prefix_tokens.size());
    turn.messages = root.messages;
    turn.conversation_key = root.conversation_key;
    return insert_turn(connection, turn, Parent{}, now_unix_ms);
}

Result<TurnRecord> insert_turn_after(SqliteConnection& connection, const NewTurn& turn,
                                     const TurnRecord& after, std::int64_t now_unix_ms) {
    const Parent parent{after.id, after.number, after.token_end(), after.branch, false};
    KVASIR_TRY(check_new_turn(turn, parent));
    return insert_turn(connection, turn, parent, now_unix_ms);
}

Status note_agent_use(SqliteConnection& connection, AgentId agent, std::int64_t now_unix_ms) {
    KVASIR_TRY_ASSIGN(auto update,
                      connection.prepare("UPDATE agents SET last_used_unix_ms = ? WHERE id = ?"));
    return update.bind_int(now_unix_ms).bind_int(to_row(agent)).run();
}

Status move_head(SqliteConnection& connection, AgentId agent, const TurnRecord& turn,
                 std::int64_t now_unix_ms) {
    KVASIR_TRY_ASSIGN(
        auto advance,
        connection.prepare("UPDATE agents SET head_turn_id = ?, token_count = ?, turn_count = ?, "
                           "last_used_unix_ms = ? WHERE id = ?"));
    advance.bind_int(to_row(turn.id)).bind_count(turn.token_end()).bind_count(turn.number);
    return advance.bind_int(now_unix_ms).bind_int(to_row(agent)).run();
}

Result<std::vector<TurnRecord>> read_turns(SqliteConnection& connection, AgentId agent) {
    // UNION, not UNION ALL: a damaged tree with a cycle in it must end too.
    KVASIR_TRY_ASSIGN(auto statement,
                      connection.prepare(fmt::format(
                          "WITH RECURSIVE path (id) AS ("
                          "SELECT head_turn_id FROM agents WHERE id = ? UNION "
                          "SELECT t.parent_id FROM turns AS t JOIN path ON t.id = path.id) "
                          "SELECT {} FROM turns AS t JOIN path ON t.id = path.id ORDER BY t.number",
                          kTurnColumns)));
    return read_path(statement.bind_int(to_row(agent)));
}

Result<std::vector<Token>> join_tokens(const std::vector<TurnRecord>& path) {
    std::vector<Token> tokens;
    for (const TurnRecord& turn : path) {
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
        if (!turn.parent && (turn.expected_head != head.turn || !head.turn))
            return fail(ErrorCode::kConflict,
                        "another turn of this agent was committed meanwhile: read it again and repeat");
        KVASIR_TRY_ASSIGN(const Parent parent, read_parent(db, turn.agent, turn.parent.value_or(*head.turn)));
        KVASIR_TRY(check_new_turn(turn, parent));
        KVASIR_TRY(check_idempotency(db, turn));
        KVASIR_TRY_ASSIGN(TurnRecord record, insert_turn(db, turn, parent, now_unix_ms));
        if (turn.response) KVASIR_TRY(insert_response(db, *turn.response, record, turn.agent, now_unix_ms));
        bool follows = false;
        if (turn.head_move == HeadMove::kIfItFollows) {
            KVASIR_TRY_ASSIGN(follows, head_follows(db, head, record));
        }
        if (follows)
            KVASIR_TRY(move_head(db, turn.agent, record, now_unix_ms));
        else
            KVASIR_TRY(note_agent_use(db, turn.agent, now_unix_ms));
        return record;
    });
}

Result<TurnRecord> SqliteCatalog::add_root(const NewRoot& root, std::int64_t now_unix_ms) {
    return transact([&](SqliteConnection& db) -> Result<TurnRecord> {
        KVASIR_TRY(read_head(db, root.agent));
        return insert_root(db, root, now_unix_ms);
    });
}

Result<std::vector<TurnRecord>> SqliteCatalog::turns(AgentId agent) {
    return read([&](SqliteConnection& db) -> Result<std::vector<TurnRecord>> {
        KVASIR_TRY(read_head(db, agent));
        return read_turns(db, agent);
    });
}

Result<std::vector<TurnRecord>> SqliteCatalog::path_to(TurnId turn) {
    return read([&](SqliteConnection& db) -> Result<std::vector<TurnRecord>> {
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare(fmt::format("WITH RECURSIVE path (id) AS (SELECT ? UNION "
                                   "SELECT t.parent_id FROM turns AS t JOIN path ON t.id = path.id) "
                                   "SELECT {} FROM turns AS t JOIN path ON t.id = path.id ORDER BY t.number",
                                   kTurnColumns)));
        KVASIR_TRY_ASSIGN(auto path, read_path(statement.bind_int(to_row(turn))));
        if (path.empty()) return fail(ErrorCode::kNotFound, "this turn does not exist (any more)");
        return path;
    });
}

Result<std::optional<TurnId>> SqliteCatalog::find_turn(AgentId agent, const Digest256& conversation_key) {
    return read([&](SqliteConnection& db) -> Result<std::optional<TurnId>> {
        KVASIR_TRY_ASSIGN(auto statement, db.prepare("SELECT id FROM turns WHERE agent_id = ? AND "
                                                     "conversation_key = ? ORDER BY id DESC LIMIT 1"));
        return one_turn(statement.bind_int(to_row(agent)).bind_digest(conversation_key));
    });
}

Result<std::vector<TurnRecord>> SqliteCatalog::turns_after(AgentId agent, std::optional<TurnId> parent,
                                                           std::uint32_t most) {
    return read([&](SqliteConnection& db) -> Result<std::vector<TurnRecord>> {
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare(fmt::format("SELECT {} FROM turns AS t WHERE t.agent_id = ? AND t.parent_id {} "
                                   "ORDER BY t.id DESC LIMIT ?",
                                   kTurnColumns, parent ? "= ?" : "IS NULL")));
        statement.bind_int(to_row(agent));
        if (parent) statement.bind_int(to_row(*parent));
        return read_path(statement.bind_count(most));
    });
}

Result<std::optional<TurnId>> SqliteCatalog::find_idempotent(AgentId agent, const std::string& key) {
    return read([&](SqliteConnection& db) -> Result<std::optional<TurnId>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare("SELECT id FROM turns WHERE agent_id = ? AND idempotency_key = ?"));
        return one_turn(statement.bind_int(to_row(agent)).bind_text(key));
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
