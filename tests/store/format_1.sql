PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO settings VALUES('disk_budget_bytes','1000');
CREATE TABLE tenants (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    salt BLOB NOT NULL CHECK (length(salt) = 32)
) STRICT;
INSERT INTO tenants VALUES(1,'default',X'4a67b51321b071e0e817d5d4f141b740d4fe73c10ed49971b13c4d6375ccafea');
CREATE TABLE fingerprints (
    id       INTEGER PRIMARY KEY,
    digest   BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    model_id BLOB NOT NULL CHECK (length(model_id) = 32),
    text     TEXT NOT NULL
) STRICT;
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
INSERT INTO agents VALUES(1,1,'veteran','tester','You are a veteran.',X'4d0000000000000000000000000000000000000000000000000000000000005a','model','/models/model.gguf',1000,2002,3,19,2);
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
INSERT INTO turns VALUES(1,1,NULL,1,0,'','',X'136da65a4a0ba75a81a9a75ab847a85aefe5a85a',0,5,'','',X'050000000000000000000000000000000000000000000000000000000000005a',NULL,1000);
INSERT INTO turns VALUES(2,1,1,1,1,'question 1','answer 1',X'b179371ee817381e1fb6381e5654391e8df2391ec4903a1efb2e3b1e',5,3,'stop','{"messages":[]}',X'650000000000000000000000000000000000000000000000000000000000005a',NULL,2001);
INSERT INTO turns VALUES(3,1,2,1,2,'question 2','answer 2',X'62f36e3c99916f3cd02f703c07ce703c3e6c713c750a723caca8723c',12,3,'stop','{"messages":[]}',X'660000000000000000000000000000000000000000000000000000000000005a','key',2002);
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
INSERT INTO blocks VALUES(1,0,X'090000000000000000000000000000000000000000000000000000000000005a',NULL,X'f40100000000000000000000000000000000000000000000000000000000005a',0,8,X'3947f30f70e5f30fa783f40fde21f50f15c0f50f4c5ef60f83fcf60fba9af70f',X'0a0000000000000000000000000000000000000000000000000000000000005a',1009,3000);
CREATE TABLE block_references (
    agent_id   INTEGER NOT NULL REFERENCES agents (id),
    branch_id  INTEGER NOT NULL,
    block_id   INTEGER NOT NULL REFERENCES blocks (id) ON DELETE CASCADE,
    is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)),
    PRIMARY KEY (agent_id, branch_id, block_id)
) STRICT, WITHOUT ROWID;
INSERT INTO block_references VALUES(1,1,1,1);
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
INSERT INTO block_totals VALUES(0,1,1009);
INSERT INTO block_totals VALUES(1,0,0);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('agents',1);
INSERT INTO sqlite_sequence VALUES('turns',3);
CREATE INDEX fingerprints_by_model ON fingerprints (model_id, id);
CREATE INDEX agents_by_head ON agents (head_turn_id);
CREATE INDEX turns_by_agent ON turns (agent_id);
CREATE INDEX turns_by_parent ON turns (parent_id);
CREATE INDEX turns_by_key ON turns (agent_id, conversation_key) WHERE conversation_key IS NOT NULL;
CREATE UNIQUE INDEX turns_by_idempotency ON turns (agent_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX blocks_by_parent ON blocks (parent, kind, fingerprint);
CREATE INDEX block_references_by_block ON block_references (block_id, is_current);
CREATE TRIGGER blocks_inserted AFTER INSERT ON blocks BEGIN
    UPDATE block_totals SET files = files + 1, bytes = bytes + NEW.file_bytes WHERE kind = NEW.kind;
END;
CREATE TRIGGER blocks_deleted AFTER DELETE ON blocks BEGIN
    UPDATE block_totals SET files = files - 1, bytes = bytes - OLD.file_bytes WHERE kind = OLD.kind;
END;
COMMIT;
PRAGMA application_id = 1263948626;
PRAGMA user_version = 1;
