// Which agent needs which block: SqliteCatalog's part.
#include <fmt/core.h>

#include "base/limits.h"
#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

Status refer_to(SqliteConnection& db, AgentId agent, BranchId branch, std::span<const BlockName> names) {
    KVASIR_TRY_ASSIGN(auto insert,
                      db.prepare("INSERT INTO block_references (agent_id, branch_id, block_id, is_current) "
                                 "SELECT ?, ?, id, 1 FROM blocks WHERE name = ? "
                                 "ON CONFLICT (agent_id, branch_id, block_id) DO UPDATE SET is_current = 1"));
    for (const BlockName& name : names) {
        insert.reset();
        KVASIR_TRY(insert.bind_int(to_row(agent)).bind_int(to_row(branch)).bind_digest(name).run());
        if (db.changed_rows() == 0)
            return fail(ErrorCode::kNotFound, fmt::format("there is no block {} to refer to", name.hex()));
    }
    return {};
}

namespace {

Status retire_references(SqliteConnection& db, AgentId agent, BranchId branch) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        db.prepare("UPDATE block_references SET is_current = 0 WHERE agent_id = ? AND branch_id = ? "
                   "AND is_current = 1"));
    return statement.bind_int(to_row(agent)).bind_int(to_row(branch)).run();
}

// Partial blocks, window segments and snapshots that this agent was the last to need. Full append blocks stay
// as shared prefixes.
Result<std::vector<StoredBlock>> superseded(SqliteConnection& db, AgentId agent) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        db.prepare(fmt::format(
            "SELECT DISTINCT {}, b.id FROM block_references AS r JOIN blocks AS b ON b.id = r.block_id "
            "WHERE r.agent_id = ? AND r.is_current = 0 "
            "AND (b.kind <> 0 OR b.range_end - b.range_begin < {}) "
            "AND NOT EXISTS (SELECT 1 FROM block_references AS o "
            "WHERE o.block_id = b.id AND o.is_current = 1) ORDER BY b.range_begin, b.id",
            kBlockColumns, kBlockTokens)));
    return read_blocks(statement.bind_int(to_row(agent)));
}

}  // namespace

Result<std::vector<StoredBlock>> SqliteCatalog::set_references(AgentId agent, BranchId branch,
                                                               std::span<const StoredBlock> new_blocks,
                                                               const Digest256& fingerprint,
                                                               std::span<const BlockName> references,
                                                               std::int64_t now_unix_ms) {
    return transact_with_notes([&](SqliteConnection& db) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY(read_head(db, agent));
        std::vector<BlockName> written;
        for (const StoredBlock& block : new_blocks) {
            KVASIR_TRY(insert_block(db, block, fingerprint, now_unix_ms));
            written.push_back(block.name);
        }
        // What the agent wrote is noted as its own first, even if it does not refer to it: erasure goes by
        // that.
        KVASIR_TRY(refer_to(db, agent, branch, written));
        KVASIR_TRY(retire_references(db, agent, branch));
        KVASIR_TRY(refer_to(db, agent, branch, references));
        KVASIR_TRY_ASSIGN(std::vector<StoredBlock> dropped, superseded(db, agent));
        KVASIR_TRY(delete_blocks(db, dropped));
        return dropped;
    });
}

Result<std::vector<StoredBlock>> SqliteCatalog::referenced_blocks(AgentId agent) {
    return read([&](SqliteConnection& db) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY(read_head(db, agent));
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare(fmt::format(
                "SELECT DISTINCT {}, b.id FROM block_references AS r JOIN blocks AS b ON b.id = r.block_id "
                "WHERE r.agent_id = ? AND r.is_current = 1 "
                "ORDER BY b.range_begin, b.kind, b.id",
                kBlockColumns)));
        return read_blocks(statement.bind_int(to_row(agent)));
    });
}

Result<std::vector<StoredBlock>> SqliteCatalog::branch_blocks(AgentId agent, BranchId branch) {
    return read([&](SqliteConnection& db) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare(fmt::format(
                              "SELECT {} FROM block_references AS r JOIN blocks AS b ON b.id = r.block_id "
                              "WHERE r.agent_id = ? AND r.branch_id = ? AND r.is_current = 1 "
                              "ORDER BY b.range_begin, b.kind, b.id",
                              kBlockColumns)));
        return read_blocks(statement.bind_int(to_row(agent)).bind_int(to_row(branch)));
    });
}

// An agent that speaks with many clients has thousands of lines; the highest positions are worth most.
Result<std::vector<Position>> SqliteCatalog::restore_positions(AgentId agent, const Digest256& fingerprint,
                                                               Position position_max) {
    return read([&](SqliteConnection& db) -> Result<std::vector<Position>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare("SELECT DISTINCT b.range_end FROM block_references AS r "
                                     "JOIN blocks AS b ON b.id = r.block_id WHERE r.agent_id = ? "
                                     "AND b.kind <> 0 AND b.fingerprint = ? AND b.range_end <= ? "
                                     "ORDER BY b.range_end DESC LIMIT 256"));
        statement.bind_int(to_row(agent)).bind_digest(fingerprint).bind_count(position_max);
        std::vector<Position> positions;
        while (true) {
            KVASIR_TRY_ASSIGN(const bool row, statement.step());
            if (!row) return positions;
            positions.push_back(statement.position_at(0));
            KVASIR_TRY(statement.column_error());
        }
    });
}

}  // namespace kvasir
