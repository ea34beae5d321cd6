// Blocks that are durable: SqliteCatalog's part.
#include <fmt/core.h>

#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

Result<BlockKind> block_kind(std::int64_t row) {
    for (const BlockKindInfo& info : kBlockKinds) {
        if (info.row == row) return info.kind;
    }
    return fail(ErrorCode::kStoreUnusable,
                fmt::format("the catalog is damaged: a block of kind {}, which is not known", row));
}

Result<StoredBlock> read_block(SqliteStatement& row) {
    StoredBlock block;
    KVASIR_TRY_ASSIGN(block.kind, block_kind(row.int_at(0)));
    block.name = row.digest_at(1);
    if (!row.is_null(2)) block.parent = row.digest_at(2);
    block.range = {row.position_at(3), row.position_at(4)};
    block.tokens = row.tokens_at(5);
    block.header_hash = row.digest_at(6);
    block.file_bytes = row.count_at(7);
    KVASIR_TRY(row.column_error());
    return block;
}

Result<std::vector<StoredBlock>> read_blocks(SqliteStatement& statement) {
    std::vector<StoredBlock> blocks;
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, statement.step());
        if (!row) break;
        KVASIR_TRY_ASSIGN(StoredBlock block, read_block(statement));
        blocks.push_back(std::move(block));
    }
    return blocks;
}

Status insert_block(SqliteConnection& connection, const StoredBlock& block, const Digest256& fingerprint,
                    std::int64_t now_unix_ms) {
    if (block.range.empty() || block.tokens.size() != block.range.size())
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("a block of [{}, {}) with {} tokens", block.range.begin, block.range.end,
                                block.tokens.size()));
    KVASIR_TRY_ASSIGN(
        auto insert,
        connection.prepare(
            "INSERT INTO blocks (kind, name, parent, fingerprint, range_begin, range_end, tokens, "
            "header_hash, file_bytes, created_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (name) DO NOTHING"));
    insert.bind_int(to_row(block.kind))
        .bind_digest(block.name)
        .bind_digest(block.parent)
        .bind_digest(fingerprint);
    insert.bind_count(block.range.begin).bind_count(block.range.end).bind_tokens(block.tokens);
    return insert.bind_digest(block.header_hash).bind_count(block.file_bytes).bind_int(now_unix_ms).run();
}

Status delete_blocks(SqliteConnection& connection, const std::vector<StoredBlock>& blocks) {
    KVASIR_TRY_ASSIGN(
        auto note,
        connection.prepare("INSERT INTO pending_removals (kind, name) VALUES (?, ?) ON CONFLICT DO NOTHING"));
    KVASIR_TRY_ASSIGN(auto drop, connection.prepare("DELETE FROM blocks WHERE kind = ? AND name = ?"));
    KVASIR_TRY_ASSIGN(auto forget, connection.prepare("DELETE FROM block_uses WHERE name = ?"));
    for (const StoredBlock& block : blocks) {
        note.reset();
        KVASIR_TRY(note.bind_int(to_row(block.kind)).bind_digest(block.name).run());
        drop.reset();
        KVASIR_TRY(drop.bind_int(to_row(block.kind)).bind_digest(block.name).run());
        forget.reset();
        KVASIR_TRY(forget.bind_digest(block.name).run());
    }
    return {};
}

Status SqliteCatalog::add_block(const StoredBlock& block, const Digest256& fingerprint,
                                std::int64_t now_unix_ms) {
    return transact([&](SqliteConnection& db) { return insert_block(db, block, fingerprint, now_unix_ms); });
}

Result<std::optional<StoredBlock>> SqliteCatalog::block(BlockKind kind, const BlockName& name) {
    return read([&](SqliteConnection& db) -> Result<std::optional<StoredBlock>> {
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare(fmt::format("SELECT {} FROM blocks AS b WHERE kind = ? AND name = ?", kBlockColumns)));
        KVASIR_TRY_ASSIGN(std::vector<StoredBlock> found,
                          read_blocks(statement.bind_int(to_row(kind)).bind_digest(name)));
        if (found.empty()) return std::optional<StoredBlock>();
        return std::optional<StoredBlock>(std::move(found.front()));
    });
}

Result<std::vector<StoredBlock>> SqliteCatalog::children(const std::optional<BlockName>& parent,
                                                         const Digest256& fingerprint) {
    return read([&](SqliteConnection& db) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY_ASSIGN(auto statement, db.prepare(fmt::format(
                                              "SELECT {} FROM blocks AS b WHERE parent IS ? AND kind = 0 AND "
                                              "fingerprint = ? ORDER BY created_unix_ms DESC, id DESC",
                                              kBlockColumns)));
        return read_blocks(statement.bind_digest(parent).bind_digest(fingerprint));
    });
}

Result<std::vector<StoredBlock>> SqliteCatalog::windows_ending_at(const BlockName& end_name) {
    return read([&](SqliteConnection& db) -> Result<std::vector<StoredBlock>> {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare(fmt::format("SELECT {} FROM blocks AS b WHERE parent = ? AND kind = 1 "
                                                 "ORDER BY range_begin, id",
                                                 kBlockColumns)));
        return read_blocks(statement.bind_digest(end_name));
    });
}

Status SqliteCatalog::drop_block(BlockKind kind, const BlockName& name) {
    return transact([&](SqliteConnection& db) -> Status {
        // Its file lies in quarantine; erasing an agent that used it must still find it.
        KVASIR_TRY_ASSIGN(
            auto remember,
            db.prepare("INSERT INTO quarantined_references (agent_id, kind, name) "
                       "SELECT r.agent_id, b.kind, b.name FROM blocks AS b JOIN block_references AS r "
                       "ON r.block_id = b.id WHERE b.kind = ? AND b.name = ? ON CONFLICT DO NOTHING"));
        KVASIR_TRY(remember.bind_int(to_row(kind)).bind_digest(name).run());
        KVASIR_TRY_ASSIGN(auto forget, db.prepare("DELETE FROM block_uses WHERE name = ?"));
        KVASIR_TRY(forget.bind_digest(name).run());
        KVASIR_TRY_ASSIGN(auto drop, db.prepare("DELETE FROM blocks WHERE kind = ? AND name = ?"));
        return drop.bind_int(to_row(kind)).bind_digest(name).run();
    });
}

Result<CatalogTotals> SqliteCatalog::totals() {
    return read([](SqliteConnection& db) -> Result<CatalogTotals> {
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare("SELECT (SELECT count(*) FROM agents), sum(files) FILTER (WHERE kind = 0), "
                       "sum(files) FILTER (WHERE kind = 1), sum(files) FILTER (WHERE kind = 2), sum(bytes) "
                       "FROM block_totals"));
        KVASIR_TRY(statement.step());
        return CatalogTotals{statement.count_at(0), statement.count_at(1), statement.count_at(2),
                             statement.count_at(3), statement.count_at(4)};
    });
}

}  // namespace kvasir
