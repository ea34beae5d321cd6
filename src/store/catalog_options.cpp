// What a user has set for one agent: SqliteCatalog's part.
#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

Result<std::string> SqliteCatalog::agent_option(AgentId agent, const std::string& name) {
    return read([&](SqliteConnection& db) -> Result<std::string> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare("SELECT value FROM agent_options WHERE agent_id = ? AND name = ?"));
        KVASIR_TRY_ASSIGN(const bool row, statement.bind_int(to_row(agent)).bind_text(name).step());
        return row ? statement.text_at(0) : std::string();
    });
}

Status SqliteCatalog::set_agent_option(AgentId agent, const std::string& name, const std::string& value) {
    return transact([&](SqliteConnection& db) -> Status {
        KVASIR_TRY(read_head(db, agent));
        KVASIR_TRY_ASSIGN(
            auto set,
            db.prepare("INSERT OR REPLACE INTO agent_options (agent_id, name, value) VALUES (?, ?, ?)"));
        return set.bind_int(to_row(agent)).bind_text(name).bind_text(value).run();
    });
}

Status copy_options(SqliteConnection& connection, AgentId from, AgentId to) {
    KVASIR_TRY_ASSIGN(auto copy,
                      connection.prepare("INSERT INTO agent_options (agent_id, name, value) "
                                         "SELECT ?, name, value FROM agent_options WHERE agent_id = ?"));
    return copy.bind_int(to_row(to)).bind_int(to_row(from)).run();
}

}  // namespace kvasir
