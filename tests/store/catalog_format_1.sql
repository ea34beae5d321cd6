-- A catalog of format 1 as that program left it: one agent with two turns, a block and a window, a branch that
-- was turned away from, a file that is still to be removed.
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

INSERT INTO tenants (id, name, salt) VALUES (1, 'default', X'070000000000000000000000000000000000000000000000000000000000005a');

PRAGMA defer_foreign_keys = ON;
BEGIN;
INSERT INTO settings VALUES ('disk_budget_bytes', '1000000');
INSERT INTO fingerprints VALUES (1, X'010000000000000000000000000000000000000000000000000000000000005a', X'4d0000000000000000000000000000000000000000000000000000000000005a', 'weights=w');
INSERT INTO agents VALUES (1, 1, 'ada', 'tester', 'You are ada.', X'4d0000000000000000000000000000000000000000000000000000000000005a', 'model', '/models/model.gguf', 1000, 2000, 2, 5, 1);
INSERT INTO turns VALUES (1, 1, NULL, 1, 0, '', '', X'0b0000000c0000000d000000', 0, 3, '', '', NULL, NULL, 1000);
INSERT INTO turns VALUES (2, 1, 1, 1, 1, 'question', 'answer', X'0e0000000f000000', 3, 1, 'stop', '', X'050000000000000000000000000000000000000000000000000000000000005a', 'key', 2000);
INSERT INTO blocks VALUES (1, 0, X'640000000000000000000000000000000000000000000000000000000000005a', NULL, X'010000000000000000000000000000000000000000000000000000000000005a', 0, 4, X'0b0000000c0000000d0000000e000000', X'c80000000000000000000000000000000000000000000000000000000000005a', 1100, 2000);
INSERT INTO blocks VALUES (2, 1, X'650000000000000000000000000000000000000000000000000000000000005a', X'640000000000000000000000000000000000000000000000000000000000005a', X'010000000000000000000000000000000000000000000000000000000000005a', 0, 4, X'0b0000000c0000000d0000000e000000', X'c90000000000000000000000000000000000000000000000000000000000005a', 1101, 2000);
INSERT INTO block_references VALUES (1, 1, 1, 1), (1, 1, 2, 1);
INSERT INTO quarantined_references VALUES (1, 0, X'660000000000000000000000000000000000000000000000000000000000005a');
INSERT INTO pending_removals VALUES (1, X'670000000000000000000000000000000000000000000000000000000000005a');
COMMIT;
PRAGMA application_id = 1263948626;
PRAGMA user_version = 1;
