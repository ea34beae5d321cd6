// What collection needs to know of blocks, and how their rows go: SqliteCatalog's part.
#include <fmt/core.h>

#include "store/catalog_rows.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

// Who needs a block now: when the one that spoke last of them did (null: nobody), and whether one is pinned.
constexpr const char* kNeedColumns =
    "(SELECT max(a.last_used_unix_ms) FROM block_references AS r JOIN agents AS a ON a.id = r.agent_id "
    "WHERE r.block_id = b.id AND r.is_current = 1), "
    "(SELECT max(a.is_pinned) FROM block_references AS r JOIN agents AS a ON a.id = r.agent_id "
    "WHERE r.block_id = b.id AND r.is_current = 1)";

struct FoundNeed {
    BlockNeed need = BlockNeed::kNobody;
    std::int64_t agent_used_unix_ms = 0;
};

FoundNeed need_at(const SqliteStatement& row, int column) {
    if (row.is_null(column)) return {};
    return {row.int_at(column + 1) != 0 ? BlockNeed::kPinnedAgent : BlockNeed::kAgents, row.int_at(column)};
}

Result<VictimFacts> facts_of(SqliteConnection& db, const BlockName& name, const IsHeld& is_held) {
    KVASIR_TRY_ASSIGN(
        auto statement,
        db.prepare(fmt::format("SELECT EXISTS (SELECT 1 FROM blocks AS c WHERE c.parent = b.name), {} "
                               "FROM blocks AS b WHERE b.name = ?",
                               kNeedColumns)));
    KVASIR_TRY_ASSIGN(const bool stored, statement.bind_digest(name).step());
    VictimFacts facts;
    if (!stored) return facts;
    const FoundNeed found = need_at(statement, 1);
    facts = {true, statement.int_at(0) != 0, is_held(name), found.need, found.agent_used_unix_ms};
    return facts;
}

Status add_agents_of(SqliteConnection& db, const BlockName& name, std::set<AgentId>& agents) {
    KVASIR_TRY_ASSIGN(auto statement,
                      db.prepare("SELECT r.agent_id FROM block_references AS r JOIN blocks AS b "
                                 "ON b.id = r.block_id WHERE b.name = ? AND r.is_current = 1"));
    statement.bind_digest(name);
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, statement.step());
        if (!row) return {};
        agents.insert(AgentId{statement.int_at(0)});
    }
}

Status write_use(SqliteConnection& db, const BlockName& name, std::uint64_t hits, std::int64_t now_unix_ms) {
    KVASIR_TRY_ASSIGN(
        auto insert,
        db.prepare("INSERT INTO block_uses (name, hits, last_used_unix_ms) "
                   "SELECT name, ?, ? FROM blocks WHERE name = ? ON CONFLICT (name) DO UPDATE SET "
                   "hits = hits + excluded.hits, last_used_unix_ms = excluded.last_used_unix_ms"));
    return insert.bind_count(hits).bind_int(now_unix_ms).bind_digest(name).run();
}

}  // namespace

void SqliteCatalog::note_use(const BlockName& name, std::int64_t now_unix_ms) {
    BlockUse& use = uses_[name];
    ++use.hits;
    use.last_unix_ms = now_unix_ms;
}

void SqliteCatalog::note_removed(BlockKind kind, const BlockName& name) { removed_.push_back({kind, name}); }

// What is worth no transaction of its own goes with the next one.
Status SqliteCatalog::write_notes(SqliteConnection& db) {
    for (const auto& [name, use] : uses_) KVASIR_TRY(write_use(db, name, use.hits, use.last_unix_ms));
    for (const BlockFileName& file : removed_) {
        KVASIR_TRY_ASSIGN(auto statement,
                          db.prepare("DELETE FROM pending_removals WHERE kind = ? AND name = ?"));
        KVASIR_TRY(statement.bind_int(to_row(file.kind)).bind_digest(file.name).run());
    }
    for (const auto& [key, value] : settings_) KVASIR_TRY(write_setting(db, key, value));
    return {};
}

void SqliteCatalog::forget_notes() {
    uses_.clear();
    removed_.clear();
    settings_.clear();
}

Result<std::vector<CollectionEntry>> SqliteCatalog::collection_entries() {
    return read([](SqliteConnection& db) -> Result<std::vector<CollectionEntry>> {
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare(fmt::format(
                "SELECT b.kind, b.name, b.parent, b.range_begin, b.range_end, b.file_bytes, "
                "coalesce(u.hits, 0), max(b.created_unix_ms, coalesce(u.last_used_unix_ms, 0)), {} "
                "FROM blocks AS b LEFT JOIN block_uses AS u ON u.name = b.name",
                kNeedColumns)));
        std::vector<CollectionEntry> entries;
        while (true) {
            KVASIR_TRY_ASSIGN(const bool row, statement.step());
            if (!row) return entries;
            CollectionEntry entry;
            KVASIR_TRY_ASSIGN(entry.kind, block_kind(statement.int_at(0)));
            entry.name = statement.digest_at(1);
            if (!statement.is_null(2)) entry.parent = statement.digest_at(2);
            entry.range = {statement.position_at(3), statement.position_at(4)};
            entry.bytes = statement.count_at(5);
            entry.hits = statement.count_at(6);
            entry.last_used_unix_ms = statement.int_at(7);
            const FoundNeed found = need_at(statement, 8);
            entry.need = found.need;
            entry.agent_used_unix_ms = found.agent_used_unix_ms;
            KVASIR_TRY(statement.column_error());
            entries.push_back(entry);
        }
    });
}

Result<CollectedBlocks> SqliteCatalog::collect(std::span<const Victim> victims, const IsHeld& is_held) {
    return transact_with_notes([&](SqliteConnection& db) -> Result<CollectedBlocks> {
        CollectedBlocks collected;
        for (const Victim& victim : victims) {
            KVASIR_TRY_ASSIGN(const VictimFacts facts, facts_of(db, victim.name, is_held));
            if (!may_go(victim, facts)) continue;
            KVASIR_TRY(add_agents_of(db, victim.name, collected.agents));
            StoredBlock block;
            block.kind = victim.kind;
            block.name = victim.name;
            block.file_bytes = victim.bytes;
            KVASIR_TRY(delete_blocks(db, {block}));
            collected.files.push_back(std::move(block));
        }
        return collected;
    });
}

}  // namespace kvasir
