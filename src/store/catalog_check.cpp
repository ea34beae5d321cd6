// What must hold in every catalog beyond what SQLite itself checks: SqliteCatalog::check().
#include <fmt/core.h>

#include "base/names.h"
#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

Error damage(const SqliteConnection& db, const std::string& what) {
    return {ErrorCode::kStoreUnusable,
            fmt::format("the catalog {} is damaged ({}); nothing was changed: restore a backup of the store",
                        db.path(), what)};
}

// Every query finds what must not be; its first column says where.
struct Invariant {
    const char* violated;
    const char* sql;
};

constexpr Invariant kInvariants[] = {
    {"an agent without a head turn", "SELECT name FROM agents WHERE head_turn_id IS NULL"},
    {"an agent whose head turn is another agent's",
     "SELECT a.name FROM agents AS a JOIN turns AS t ON t.id = a.head_turn_id WHERE t.agent_id <> a.id"},
    {"an agent whose count of turns is not its head's number",
     "SELECT a.name FROM agents AS a JOIN turns AS t ON t.id = a.head_turn_id WHERE t.number <> "
     "a.turn_count"},
    {"a turn that does not follow its parent",
     "SELECT t.id FROM turns AS t JOIN turns AS p ON p.id = t.parent_id "
     "WHERE t.number <> p.number + 1 OR t.agent_id <> p.agent_id"},
    {"a turn of no agent",
     "SELECT t.id FROM turns AS t LEFT JOIN agents AS a ON a.id = t.agent_id WHERE a.id IS NULL"},
    {"a count of blocks that is wrong",
     "SELECT kind FROM block_totals AS t WHERE files <> (SELECT count(*) FROM blocks AS b WHERE b.kind = "
     "t.kind) "
     "OR bytes <> (SELECT coalesce(sum(file_bytes), 0) FROM blocks AS b WHERE b.kind = t.kind)"},
};

Status check_invariants(SqliteConnection& db) {
    for (const Invariant& invariant : kInvariants) {
        KVASIR_TRY_ASSIGN(auto statement, db.prepare(invariant.sql));
        KVASIR_TRY_ASSIGN(const bool found, statement.step());
        if (found)
            return fail(
                damage(db, fmt::format("{}: {}", invariant.violated, printable(statement.text_at(0)))));
    }
    return {};
}

Status check_token_counts(SqliteConnection& db) {
    KVASIR_TRY_ASSIGN(auto statement, db.prepare("SELECT id, name, token_count FROM agents"));
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, statement.step());
        if (!row) return {};
        KVASIR_TRY_ASSIGN(const std::vector<TurnRecord> turns, read_turns(db, AgentId{statement.int_at(0)}));
        KVASIR_TRY_ASSIGN(const std::vector<Token> tokens, join_tokens(turns));
        if (tokens.size() != statement.position_at(2))
            return fail(damage(
                db, fmt::format("agent {} has {} tokens where {} are noted", printable(statement.text_at(1)),
                                tokens.size(), statement.position_at(2))));
    }
}

}  // namespace

Status SqliteCatalog::check() {
    return read([](SqliteConnection& db) -> Status {
        KVASIR_TRY_ASSIGN(const std::string found, db.query_text("PRAGMA integrity_check(1)"));
        if (found != "ok") return fail(damage(db, found));
        KVASIR_TRY_ASSIGN(auto foreign_keys, db.prepare("PRAGMA foreign_key_check"));
        KVASIR_TRY_ASSIGN(const bool broken, foreign_keys.step());
        if (broken)
            return fail(
                damage(db, "a row of " + foreign_keys.text_at(0) + " refers to one that is not there"));
        KVASIR_TRY(check_invariants(db));
        return check_token_counts(db);
    });
}

}  // namespace kvasir
