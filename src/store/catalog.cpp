#include "store/catalog.h"

#include <filesystem>
#include <system_error>

#include <fmt/core.h>

#include "base/log.h"
#include "store/catalog_rows.h"
#include "store/catalog_schema.h"
#include "store/catalog_sqlite.h"

namespace kvasir {

namespace {

Result<std::optional<std::string>> optional_text(SqliteStatement& statement) {
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return std::optional<std::string>();
    return std::optional<std::string>(statement.text_at(0));
}

// SQLite makes files that others may read; the WAL takes over the mode of the database.
void make_private(const std::string& path) {
    using std::filesystem::perms;
    std::error_code ignored;  // the directory is private anyway
    std::filesystem::permissions(path, perms::owner_read | perms::owner_write, ignored);
}

Status quick_check(SqliteConnection& connection) {
    KVASIR_TRY_ASSIGN(const std::string found, connection.query_text("PRAGMA quick_check(1)"));
    if (found == "ok") return {};
    return fail(
        ErrorCode::kStoreUnusable,
        fmt::format(
            "the catalog {} is damaged ({}); nothing was changed: run `kvasir doctor`, or restore a backup "
            "of the store",
            connection.path(), found));
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& path, const std::string& vfs) {
    KVASIR_TRY_ASSIGN(std::unique_ptr<SqliteCatalog> catalog, SqliteCatalog::open_file(path, vfs));
    return std::unique_ptr<Catalog>(std::move(catalog));
}

Result<std::unique_ptr<SqliteCatalog>> SqliteCatalog::open_file(const std::string& path,
                                                                const std::string& vfs) {
    std::unique_ptr<SqliteCatalog> catalog(new SqliteCatalog(path, vfs));
    KVASIR_TRY(catalog->connect(Opening::kFirst));
    return catalog;
}

Status SqliteCatalog::connect(Opening opening) {
    std::error_code ignored;
    const bool existed = std::filesystem::exists(path_, ignored);
    KVASIR_TRY_ASSIGN(connection_, SqliteConnection::open(path_, vfs_));
    Status ready = check_catalog_identity(*connection_);
    if (ready && !existed) make_private(path_);
    if (ready) ready = prepare_catalog(*connection_);
    if (ready) ready = connection_->execute(fmt::format("PRAGMA wal_autocheckpoint = {}", log_pages_max_));
    if (ready && opening == Opening::kAfterFailure) ready = quick_check(*connection_);
    if (ready) {
        // Pages that a failed sync may have lost are written once more from the log. At the first opening a
        // full disk must not keep us from reading.
        Status truncated = truncate_log();
        const bool excused =
            opening == Opening::kFirst && !truncated && truncated.error().code == ErrorCode::kNoSpace;
        if (!excused) ready = std::move(truncated);
    }
    if (ready) {
        auto salt = [&]() -> Result<Digest256> {
            KVASIR_TRY_ASSIGN(auto statement, connection_->prepare("SELECT salt FROM tenants WHERE id = 1"));
            KVASIR_TRY(statement.step());
            const Digest256 value = statement.digest_at(0);
            KVASIR_TRY(statement.column_error());
            return value;
        }();
        if (salt)
            tenant_salt_ = *salt;
        else
            ready = fail(std::move(salt).error());
    }
    if (!ready) connection_.reset();
    return ready;
}

Status SqliteCatalog::ensure_connected() {
    if (connection_) return {};
    return connect(Opening::kAfterFailure);
}

void SqliteCatalog::recover() {
    if (!connection_ || !connection_->suspect()) return;
    copy_.reset();
    connection_.reset();
    const Status reopened = connect(Opening::kAfterFailure);
    if (reopened)
        log(LogLevel::kWarning, "catalog reopened after an I/O error", "path=" + path_);
    else
        log(LogLevel::kError, "catalog unusable after an I/O error", "reason=" + reopened.error().message);
}

Status SqliteCatalog::truncate_log() {
    KVASIR_TRY_ASSIGN(const std::int64_t busy, connection_->query_int("PRAGMA wal_checkpoint(TRUNCATE)"));
    if (busy != 0)
        return fail(ErrorCode::kStoreInUse, "the catalog " + path_ + " is in use by another program");
    return {};
}

Result<std::optional<std::string>> SqliteCatalog::setting(const std::string& key) {
    return read([&](SqliteConnection& db) -> Result<std::optional<std::string>> {
        KVASIR_TRY_ASSIGN(auto statement, db.prepare("SELECT value FROM settings WHERE key = ?"));
        return optional_text(statement.bind_text(key));
    });
}

Status SqliteCatalog::set_setting(const std::string& key, const std::string& value) {
    return transact([&](SqliteConnection& db) { return write_setting(db, key, value); });
}

Status write_setting(SqliteConnection& connection, const std::string& key, const std::string& value) {
    KVASIR_TRY_ASSIGN(auto statement,
                      connection.prepare("INSERT INTO settings (key, value) VALUES (?, ?) "
                                         "ON CONFLICT (key) DO UPDATE SET value = excluded.value"));
    return statement.bind_text(key).bind_text(value).run();
}

Status SqliteCatalog::remember_fingerprint(const Digest256& digest, const Digest256& model_id,
                                           const std::string& text) {
    return transact([&](SqliteConnection& db) -> Status {
        // Deleted and inserted, so that the one seen last has the highest id.
        KVASIR_TRY_ASSIGN(auto forget, db.prepare("DELETE FROM fingerprints WHERE digest = ?"));
        KVASIR_TRY(forget.bind_digest(digest).run());
        KVASIR_TRY_ASSIGN(auto insert,
                          db.prepare("INSERT INTO fingerprints (digest, model_id, text) VALUES (?, ?, ?)"));
        return insert.bind_digest(digest).bind_digest(model_id).bind_text(text).run();
    });
}

Result<std::optional<std::string>> SqliteCatalog::fingerprint_text(const Digest256& model_id) {
    return read([&](SqliteConnection& db) -> Result<std::optional<std::string>> {
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare("SELECT text FROM fingerprints WHERE model_id = ? ORDER BY id DESC LIMIT 1"));
        return optional_text(statement.bind_digest(model_id));
    });
}

Result<std::vector<BlockFileName>> SqliteCatalog::pending_removals() {
    return read([](SqliteConnection& db) -> Result<std::vector<BlockFileName>> {
        KVASIR_TRY_ASSIGN(
            auto statement,
            db.prepare("SELECT kind, name FROM pending_removals AS p WHERE NOT EXISTS "
                       "(SELECT 1 FROM blocks AS b WHERE b.kind = p.kind AND b.name = p.name)"));
        std::vector<BlockFileName> names;
        while (true) {
            KVASIR_TRY_ASSIGN(const bool row, statement.step());
            if (!row) break;
            KVASIR_TRY_ASSIGN(const BlockKind kind, block_kind(statement.int_at(0)));
            names.push_back({kind, statement.digest_at(1)});
            KVASIR_TRY(statement.column_error());
        }
        return names;
    });
}

Status SqliteCatalog::clear_pending_removals() {
    return transact([](SqliteConnection& db) { return db.execute("DELETE FROM pending_removals"); });
}

}  // namespace kvasir
