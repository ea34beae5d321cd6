// Changes of agents that are no turns, and which agents nobody uses any more: SqliteCatalog's part.
#include <fmt/core.h>

#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

constexpr std::int64_t kSessionsAtOnce = 100;

}  // namespace

const char* to_string(MadeBy made_by) { return made_by == MadeBy::kUser ? "user" : "session"; }

Result<AgentRecord> SqliteCatalog::change_agent(const std::string& name, const AgentChange& change) {
    return transact([&](SqliteConnection& db) -> Result<AgentRecord> {
        KVASIR_TRY_ASSIGN(const AgentRecord before, known_agent(db, name));
        const std::string after = change.name.value_or(name);
        if (after != name) {
            KVASIR_TRY(check_name_free(db, after));
            KVASIR_TRY(rename_conversations_of(db, name, after));
        }
        // Somebody cared enough to name it: it is theirs now.
        const MadeBy made_by = change.name || change.title ? MadeBy::kUser : before.made_by;
        KVASIR_TRY_ASSIGN(auto update, db.prepare("UPDATE agents SET name = ?, title = ?, type = ?, "
                                                  "is_pinned = ?, made_by = ? WHERE id = ?"));
        update.bind_text(after)
            .bind_text(change.title.value_or(before.title))
            .bind_text(change.type.value_or(before.type));
        update.bind_int(to_row(change.pinned.value_or(before.pinned))).bind_int(to_row(made_by));
        KVASIR_TRY(update.bind_int(to_row(before.id)).run());
        return known_agent(db, after);
    });
}

Result<std::vector<std::string>> SqliteCatalog::unused_sessions(std::int64_t since_unix_ms) {
    return read([&](SqliteConnection& db) -> Result<std::vector<std::string>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare("SELECT name FROM agents WHERE tenant_id = 1 AND made_by = 1 AND "
                                     "is_pinned = 0 AND last_used_unix_ms < ? "
                                     "ORDER BY last_used_unix_ms LIMIT ?"));
        statement.bind_int(since_unix_ms).bind_int(kSessionsAtOnce);
        std::vector<std::string> names;
        while (true) {
            KVASIR_TRY_ASSIGN(const bool row, statement.step());
            if (!row) return names;
            names.push_back(statement.text_at(0));
            KVASIR_TRY(statement.column_error());
        }
    });
}

}  // namespace kvasir
