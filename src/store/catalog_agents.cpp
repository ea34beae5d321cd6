// Agents and their erasure: SqliteCatalog's part.
#include <fmt/core.h>

#include "base/names.h"
#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

constexpr const char* kAgentColumns =
    "id, name, type, system_prompt, model_id, model_name, model_path, created_unix_ms, last_used_unix_ms, "
    "head_turn_id, token_count, turn_count, title, made_by, is_pinned, "
    "(SELECT p.name FROM agents AS p WHERE p.id = agents.parent_id)";

Result<AgentRecord> read_agent(SqliteStatement& row) {
    AgentRecord agent;
    agent.id = AgentId{row.int_at(0)};
    agent.name = row.text_at(1);
    agent.type = row.text_at(2);
    agent.system_prompt = row.text_at(3);
    agent.model_id = row.digest_at(4);
    agent.model_name = row.text_at(5);
    agent.model_path = row.text_at(6);
    agent.created_unix_ms = row.int_at(7);
    agent.last_used_unix_ms = row.int_at(8);
    if (!row.is_null(9)) agent.head = TurnId{row.int_at(9)};
    agent.token_count = row.position_at(10);
    agent.turn_count = row.position_at(11);
    agent.title = row.text_at(12);
    agent.made_by = row.int_at(13) == 0 ? MadeBy::kUser : MadeBy::kSession;
    agent.pinned = row.int_at(14) == 0 ? Pinned::kNo : Pinned::kYes;
    if (!row.is_null(15)) agent.parent = row.text_at(15);
    KVASIR_TRY(row.column_error());
    return agent;
}

Result<std::optional<AgentRecord>> find_agent(SqliteConnection& db, const std::string& name) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        db.prepare(fmt::format("SELECT {} FROM agents WHERE tenant_id = 1 AND name = ?", kAgentColumns)));
    statement.bind_text(name);
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return std::optional<AgentRecord>();
    KVASIR_TRY_ASSIGN(AgentRecord agent, read_agent(statement));
    return std::optional<AgentRecord>(std::move(agent));
}

// Blocks that an agent used and nobody else needs now, and what hangs below them: without their parents those
// are of no use to anybody, and they hold words of the agent.
constexpr const char* kOwnBlocks = R"sql(
WITH RECURSIVE own (id, name) AS (
    SELECT b.id, b.name FROM block_references AS r JOIN blocks AS b ON b.id = r.block_id
    WHERE r.agent_id = ?1 AND NOT EXISTS (SELECT 1 FROM block_references AS o
        WHERE o.block_id = b.id AND o.is_current = 1 AND o.agent_id <> ?1)
    UNION
    SELECT b.id, b.name FROM own JOIN blocks AS b ON b.parent = own.name
    WHERE NOT EXISTS (SELECT 1 FROM block_references AS o
        WHERE o.block_id = b.id AND o.is_current = 1 AND o.agent_id <> ?1)
)
SELECT {} FROM own JOIN blocks AS b ON b.id = own.id ORDER BY b.range_begin, b.kind, b.id
)sql";

constexpr const char* kSharedBlocks = R"sql(
SELECT DISTINCT {}, b.id FROM block_references AS r JOIN blocks AS b ON b.id = r.block_id
WHERE r.agent_id = ?1 AND EXISTS (SELECT 1 FROM block_references AS o
    WHERE o.block_id = b.id AND o.is_current = 1 AND o.agent_id <> ?1)
ORDER BY b.range_begin, b.kind, b.id
)sql";

Result<std::vector<StoredBlock>> select_blocks(SqliteConnection& db, const char* sql, AgentId agent) {
    KVASIR_TRY_ASSIGN(auto statement, db.prepare(fmt::format(fmt::runtime(sql), kBlockColumns)));
    return read_blocks(statement.bind_int(to_row(agent)));
}

// Files in quarantine whose rows are gone, so that the caller removes them as well. A name that has a row
// again is not among them: its file may be somebody else's.
Result<std::vector<StoredBlock>> quarantined_blocks(SqliteConnection& db, AgentId agent) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        db.prepare("SELECT kind, name FROM quarantined_references AS q WHERE agent_id = ? AND NOT EXISTS "
                   "(SELECT 1 FROM blocks AS b WHERE b.kind = q.kind AND b.name = q.name)"));
    statement.bind_int(to_row(agent));
    std::vector<StoredBlock> blocks;
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, statement.step());
        if (!row) break;
        StoredBlock block;
        KVASIR_TRY_ASSIGN(block.kind, block_kind(statement.int_at(0)));
        block.name = statement.digest_at(1);
        KVASIR_TRY(statement.column_error());
        blocks.push_back(std::move(block));
    }
    return blocks;
}

Status count_turns(SqliteConnection& db, AgentId agent, ErasedBlocks& erased) {
    KVASIR_TRY_ASSIGN(auto statement,
                      db.prepare("SELECT count(*) FILTER (WHERE number > 0), sum(length(tokens) / 4) "
                                 "FROM turns WHERE agent_id = ?"));
    KVASIR_TRY(statement.bind_int(to_row(agent)).step());
    erased.turns = statement.count_at(0);
    erased.tokens = statement.count_at(1);
    return {};
}

Status delete_agent_rows(SqliteConnection& db, AgentId agent) {
    for (const char* sql : {"DELETE FROM block_references WHERE agent_id = ?",
                            "DELETE FROM quarantined_references WHERE agent_id = ?",
                            "UPDATE agents SET parent_id = NULL WHERE parent_id = ?",
                            "UPDATE agents SET head_turn_id = NULL WHERE id = ?",
                            "DELETE FROM turns WHERE agent_id = ?", "DELETE FROM agents WHERE id = ?"}) {
        KVASIR_TRY_ASSIGN(auto statement, db.prepare(sql));
        KVASIR_TRY(statement.bind_int(to_row(agent)).run());
    }
    return {};
}

Result<ErasedBlocks> erase_rows(SqliteConnection& db, AgentId agent) {
    KVASIR_TRY(read_head(db, agent));
    ErasedBlocks erased;
    KVASIR_TRY(count_turns(db, agent, erased));
    KVASIR_TRY_ASSIGN(erased.removed, select_blocks(db, kOwnBlocks, agent));
    KVASIR_TRY_ASSIGN(erased.shared, select_blocks(db, kSharedBlocks, agent));
    KVASIR_TRY_ASSIGN(const std::vector<StoredBlock> quarantined, quarantined_blocks(db, agent));
    erased.removed.insert(erased.removed.end(), quarantined.begin(), quarantined.end());
    KVASIR_TRY(delete_blocks(db, erased.removed));
    KVASIR_TRY(erase_conversations_of(db, agent));
    KVASIR_TRY(delete_agent_rows(db, agent));
    return erased;
}

}  // namespace

Result<AgentRecord> known_agent(SqliteConnection& connection, const std::string& name) {
    KVASIR_TRY_ASSIGN(std::optional<AgentRecord> found, find_agent(connection, name));
    if (!found)
        return fail(ErrorCode::kNotFound,
                    fmt::format("there is no agent {}: `kvasir agents ls` lists them", printable(name)));
    return std::move(*found);
}

Status check_name_free(SqliteConnection& connection, const std::string& name) {
    KVASIR_TRY_ASSIGN(const std::optional<AgentRecord> taken, find_agent(connection, name));
    if (!taken) return {};
    return fail(
        ErrorCode::kConflict,
        fmt::format("an agent {} exists already: choose another name, or remove it first", printable(name)));
}

Result<AgentId> insert_agent(SqliteConnection& db, const NewAgent& agent, std::int64_t now_unix_ms) {
    KVASIR_TRY_ASSIGN(
        auto insert,
        db.prepare(
            "INSERT INTO agents (tenant_id, name, type, system_prompt, model_id, model_name, model_path, "
            "created_unix_ms, last_used_unix_ms, token_count, turn_count, title, made_by, parent_id) "
            "VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, "
            "(SELECT id FROM agents WHERE tenant_id = 1 AND name = ?))"));
    insert.bind_text(agent.name)
        .bind_text(agent.type)
        .bind_text(agent.system_prompt)
        .bind_digest(agent.model_id);
    insert.bind_text(agent.model_name).bind_text(agent.model_path);
    insert.bind_int(now_unix_ms).bind_int(now_unix_ms);
    insert.bind_text(agent.title).bind_int(to_row(agent.made_by)).bind_text(agent.parent);
    KVASIR_TRY(insert.run());
    return AgentId{db.last_insert_id()};
}

Result<AgentRecord> SqliteCatalog::create_agent(const NewAgent& agent, std::int64_t now_unix_ms) {
    return transact([&](SqliteConnection& db) -> Result<AgentRecord> {
        KVASIR_TRY(check_name_free(db, agent.name));
        NewRoot root{{}, agent.prefix_tokens, agent.messages, agent.conversation_key};
        KVASIR_TRY_ASSIGN(root.agent, insert_agent(db, agent, now_unix_ms));
        KVASIR_TRY_ASSIGN(const TurnRecord made_root, insert_root(db, root, now_unix_ms));
        KVASIR_TRY(move_head(db, root.agent, made_root, now_unix_ms));
        KVASIR_TRY_ASSIGN(std::optional<AgentRecord> made, find_agent(db, agent.name));
        return std::move(*made);
    });
}

Result<AgentRecord> SqliteCatalog::agent(const std::string& name) {
    return read([&](SqliteConnection& db) -> Result<AgentRecord> { return known_agent(db, name); });
}

Result<std::vector<AgentRecord>> SqliteCatalog::agents() {
    return read([](SqliteConnection& db) -> Result<std::vector<AgentRecord>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare(fmt::format("SELECT {} FROM agents WHERE tenant_id = 1 ORDER BY name",
                                                 kAgentColumns)));
        std::vector<AgentRecord> agents;
        while (true) {
            KVASIR_TRY_ASSIGN(const bool row, statement.step());
            if (!row) break;
            KVASIR_TRY_ASSIGN(AgentRecord agent, read_agent(statement));
            agents.push_back(std::move(agent));
        }
        return agents;
    });
}

Status SqliteCatalog::touch_agent(AgentId agent, std::int64_t now_unix_ms) {
    return transact([&](SqliteConnection& db) -> Status {
        KVASIR_TRY(read_head(db, agent));
        return note_agent_use(db, agent, now_unix_ms);
    });
}

Result<ErasedBlocks> SqliteCatalog::erase_agent(AgentId agent) {
    Result<ErasedBlocks> erased = transact([&](SqliteConnection& db) { return erase_rows(db, agent); });
    if (!erased) return erased;
    // The log still holds pages from before. They go now, or at the next opening at the latest.
    const Status truncated = truncate_log();
    if (truncated) return erased;
    recover();
    return fail(truncated.error().code, fmt::format("the agent is deleted, but what it said can still be "
                                                    "found in the write-ahead log until the store "
                                                    "is opened again: {}",
                                                    truncated.error().message));
}

}  // namespace kvasir
