#include "store/catalog_schema.h"

#include <iterator>

#include <fmt/core.h>

namespace kvasir {

namespace {

// Format 1. Kinds of blocks are numbers as in block_kind.h.
//
// A reference that is not current any more (is_current = 0) remembers that the block holds words of that
// agent, so that erasing the agent finds blocks that it has turned away from. References are per branch: a
// branch that goes on gives up its own former end, never another's.
constexpr const char* kSchema1 = R"sql(
CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    salt BLOB NOT NULL CHECK (length(salt) = 32)
) STRICT;

CREATE TABLE fingerprints (
    id       INTEGER PRIMARY KEY,
    digest   BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    model_id BLOB NOT NULL CHECK (length(model_id) = 32),
    text     TEXT NOT NULL
) STRICT;
CREATE INDEX fingerprints_by_model ON fingerprints (model_id, id);

CREATE TABLE agents (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id         INTEGER NOT NULL REFERENCES tenants (id),
    name              TEXT NOT NULL,
    type              TEXT NOT NULL,
    system_prompt     TEXT NOT NULL,
    model_id          BLOB NOT NULL CHECK (length(model_id) = 32),
    model_name        TEXT NOT NULL,
    model_path        TEXT NOT NULL,
    created_unix_ms   INTEGER NOT NULL,
    last_used_unix_ms INTEGER NOT NULL,
    head_turn_id      INTEGER REFERENCES turns (id) DEFERRABLE INITIALLY DEFERRED,
    token_count       INTEGER NOT NULL CHECK (token_count >= 0),
    turn_count        INTEGER NOT NULL CHECK (turn_count >= 0),
    UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX agents_by_head ON agents (head_turn_id);

CREATE TABLE turns (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    agent_id           INTEGER NOT NULL REFERENCES agents (id) DEFERRABLE INITIALLY DEFERRED,
    parent_id          INTEGER REFERENCES turns (id) DEFERRABLE INITIALLY DEFERRED,
    branch_id          INTEGER NOT NULL,
    number             INTEGER NOT NULL,
    user_text          TEXT NOT NULL,
    assistant_text     TEXT NOT NULL,
    tokens             BLOB NOT NULL CHECK (length(tokens) % 4 = 0),
    token_begin        INTEGER NOT NULL CHECK (token_begin >= 0),
    prompt_token_count INTEGER NOT NULL CHECK (prompt_token_count * 4 <= length(tokens)),
    finish_reason      TEXT NOT NULL,
    messages           TEXT NOT NULL,
    conversation_key   BLOB CHECK (conversation_key IS NULL OR length(conversation_key) = 32),
    idempotency_key    TEXT,
    created_unix_ms    INTEGER NOT NULL,
    CHECK ((parent_id IS NULL) = (number = 0))
) STRICT;
CREATE INDEX turns_by_agent ON turns (agent_id);
CREATE INDEX turns_by_parent ON turns (parent_id);
CREATE INDEX turns_by_key ON turns (agent_id, conversation_key) WHERE conversation_key IS NOT NULL;
CREATE UNIQUE INDEX turns_by_idempotency ON turns (agent_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE blocks (
    id              INTEGER PRIMARY KEY,
    kind            INTEGER NOT NULL CHECK (kind IN (0, 1)),
    name            BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
    parent          BLOB CHECK (parent IS NULL OR length(parent) = 32),
    fingerprint     BLOB NOT NULL CHECK (length(fingerprint) = 32),
    range_begin     INTEGER NOT NULL,
    range_end       INTEGER NOT NULL CHECK (range_end > range_begin),
    tokens          BLOB NOT NULL CHECK (length(tokens) = 4 * (range_end - range_begin)),
    header_hash     BLOB NOT NULL CHECK (length(header_hash) = 32),
    file_bytes      INTEGER NOT NULL CHECK (file_bytes >= 0),
    created_unix_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX blocks_by_parent ON blocks (parent, kind, fingerprint);

CREATE TABLE block_references (
    agent_id   INTEGER NOT NULL REFERENCES agents (id),
    branch_id  INTEGER NOT NULL,
    block_id   INTEGER NOT NULL REFERENCES blocks (id) ON DELETE CASCADE,
    is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
    PRIMARY KEY (agent_id, branch_id, block_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX block_references_by_block ON block_references (block_id, is_current);

CREATE TABLE quarantined_references (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    kind     INTEGER NOT NULL,
    name     BLOB NOT NULL,
    PRIMARY KEY (agent_id, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pending_removals (
    kind INTEGER NOT NULL,
    name BLOB NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE block_totals (
    kind  INTEGER PRIMARY KEY,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO block_totals (kind, files, bytes) VALUES (0, 0, 0), (1, 0, 0);
CREATE TRIGGER blocks_inserted AFTER INSERT ON blocks BEGIN
    UPDATE block_totals SET files = files + 1, bytes = bytes + NEW.file_bytes WHERE kind = NEW.kind;
END;
CREATE TRIGGER blocks_deleted AFTER DELETE ON blocks BEGIN
    UPDATE block_totals SET files = files - 1, bytes = bytes - OLD.file_bytes WHERE kind = OLD.kind;
END;

INSERT INTO tenants (id, name, salt) VALUES (1, 'default', randomblob(32));
)sql";

// What is known of an agent besides its conversation. made_by: 0 a user, 1 a client's session id.
constexpr const char* kSchema2 = R"sql(
ALTER TABLE agents ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN made_by INTEGER NOT NULL DEFAULT 0 CHECK (made_by IN (0, 1));
ALTER TABLE agents ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0 CHECK (is_pinned IN (0, 1));
ALTER TABLE agents ADD COLUMN parent_id INTEGER REFERENCES agents (id);
CREATE INDEX agents_by_parent ON agents (parent_id) WHERE parent_id IS NOT NULL;
)sql";

// Format 3 has snapshots: a kind more. What a column may hold can't be changed, so the table is made anew.
constexpr const char* kSchema3 = R"sql(
CREATE TABLE blocks_new (
    id              INTEGER PRIMARY KEY,
    kind            INTEGER NOT NULL REFERENCES block_totals (kind),
    name            BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
    parent          BLOB CHECK (parent IS NULL OR length(parent) = 32),
    fingerprint     BLOB NOT NULL CHECK (length(fingerprint) = 32),
    range_begin     INTEGER NOT NULL,
    range_end       INTEGER NOT NULL CHECK (range_end > range_begin),
    tokens          BLOB NOT NULL CHECK (length(tokens) = 4 * (range_end - range_begin)),
    header_hash     BLOB NOT NULL CHECK (length(header_hash) = 32),
    file_bytes      INTEGER NOT NULL CHECK (file_bytes >= 0),
    created_unix_ms INTEGER NOT NULL
) STRICT;
INSERT INTO blocks_new SELECT * FROM blocks;
DROP TABLE blocks;
ALTER TABLE blocks_new RENAME TO blocks;
CREATE INDEX blocks_by_parent ON blocks (parent, kind, fingerprint);
CREATE TRIGGER blocks_inserted AFTER INSERT ON blocks BEGIN
    UPDATE block_totals SET files = files + 1, bytes = bytes + NEW.file_bytes WHERE kind = NEW.kind;
END;
CREATE TRIGGER blocks_deleted AFTER DELETE ON blocks BEGIN
    UPDATE block_totals SET files = files - 1, bytes = bytes - OLD.file_bytes WHERE kind = OLD.kind;
END;
INSERT INTO block_totals (kind, files, bytes) VALUES (2, 0, 0);
)sql";

// Format 4: what clients find again by an id.
constexpr const char* kSchema4 = R"sql(
CREATE TABLE responses (
    id              TEXT PRIMARY KEY,
    agent_id        INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    turn_id         INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    record          TEXT NOT NULL,
    created_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX responses_by_agent ON responses (agent_id);
CREATE INDEX responses_by_turn ON responses (turn_id);

CREATE TABLE conversations (
    id              TEXT PRIMARY KEY,
    agent_name      TEXT NOT NULL,
    record          TEXT NOT NULL,
    created_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_by_agent ON conversations (agent_name);

CREATE TABLE conversation_items (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    item_id         TEXT NOT NULL,
    item            TEXT NOT NULL,
    UNIQUE (conversation_id, item_id)
) STRICT;
)sql";

// Format 5: what a user has set for one agent.
constexpr const char* kSchema5 = R"sql(
CREATE TABLE agent_options (
    agent_id INTEGER NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (agent_id, name)
) STRICT, WITHOUT ROWID;
)sql";

// Format 6: how often and when a block was restored, by which collection values it.
constexpr const char* kSchema6 = R"sql(
CREATE TABLE block_uses (
    name              BLOB PRIMARY KEY CHECK (length(name) = 32),
    hits              INTEGER NOT NULL,
    last_used_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* kMigrations[] = {kSchema1, kSchema2, kSchema3, kSchema4, kSchema5, kSchema6};
static_assert(std::size(kMigrations) == kCatalogFormat);

// From format `number - 1` to `number`, all or nothing.
Status migrate(SqliteConnection& connection, std::int64_t number) {
    KVASIR_TRY_ASSIGN(auto transaction, SqliteTransaction::begin(connection));
    KVASIR_TRY(connection.execute(kMigrations[number - 1]));
    KVASIR_TRY_ASSIGN(auto broken, connection.prepare("PRAGMA foreign_key_check"));
    KVASIR_TRY_ASSIGN(const bool found, broken.step());
    if (found)
        return fail(
            ErrorCode::kStoreUnusable,
            fmt::format("the catalog {} is damaged (a row refers to one that is not there); nothing was "
                        "changed: restore a backup of the store",
                        connection.path()));
    broken.reset();
    KVASIR_TRY(connection.execute(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kCatalogApplication, number)));
    return transaction->commit();
}

// Foreign keys are off meanwhile: dropping a table would take what refers to it along.
Status migrate_all(SqliteConnection& connection, std::int64_t format) {
    if (format == kCatalogFormat) return {};
    KVASIR_TRY(connection.execute("PRAGMA foreign_keys = OFF"));
    for (std::int64_t number = format + 1; number <= kCatalogFormat; ++number)
        KVASIR_TRY(migrate(connection, number));
    return connection.execute("PRAGMA foreign_keys = ON");
}

}  // namespace

Status check_catalog_identity(SqliteConnection& connection) {
    // Before the first read: with the lock held for good, the WAL index lives in our memory instead of a
    // third file.
    KVASIR_TRY(connection.execute("PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE"));
    KVASIR_TRY_ASSIGN(const std::int64_t tables, connection.query_int("SELECT count(*) FROM sqlite_schema"));
    KVASIR_TRY_ASSIGN(const std::int64_t application, connection.query_int("PRAGMA application_id"));
    KVASIR_TRY_ASSIGN(const std::int64_t format, connection.query_int("PRAGMA user_version"));
    if (connection.read_only())
        return fail(ErrorCode::kIo,
                    fmt::format("the catalog {} is read-only: make it writable, or choose another store "
                                "with --home",
                                connection.path()));
    const bool empty = tables == 0 && application == 0 && format == 0;
    if (!empty && application != kCatalogApplication)
        return fail(
            ErrorCode::kStoreUnusable,
            fmt::format("{} is a database of another program; nothing was changed: choose another store with "
                        "--home",
                        connection.path()));
    if (format > kCatalogFormat)
        return fail(
            ErrorCode::kStoreUnusable,
            fmt::format("the store was written by a newer Kvasir (format {}, this one knows {}): upgrade, or "
                        "choose another store with --home",
                        format, kCatalogFormat));
    return {};
}

Status prepare_catalog(SqliteConnection& connection) {
    // secure_delete overwrites what is deleted; temporary tables stay in memory so that no text leaks into
    // other files.
    KVASIR_TRY(connection.execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; "
        "PRAGMA checkpoint_fullfsync = ON; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; "
        "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 8388608; PRAGMA trusted_schema = OFF"));
    KVASIR_TRY_ASSIGN(const std::string journal, connection.query_text("PRAGMA journal_mode"));
    if (journal != "wal")
        return fail(ErrorCode::kIo,
                    fmt::format("the catalog {} cannot keep a write-ahead log here (journal mode {}): "
                                "choose a local disk with --home",
                                connection.path(), journal));
    connection.set_close_checkpoint(CloseCheckpoint::kAllowed);
    KVASIR_TRY_ASSIGN(const std::int64_t format, connection.query_int("PRAGMA user_version"));
    return migrate_all(connection, format);
}

}  // namespace kvasir
