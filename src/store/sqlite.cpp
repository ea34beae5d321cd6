#include "store/sqlite.h"

#include <cerrno>

#include <fmt/core.h>
#include <sqlite3.h>

namespace kvasir {

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path,
                                                                 const std::string& vfs) {
    sqlite3* handle = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
    if (handle == nullptr) return fail(ErrorCode::kOutOfMemory, "no memory to open the database " + path);
    std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle, path));
    sqlite3_extended_result_codes(handle, 1);
    connection->set_close_checkpoint(CloseCheckpoint::kForbidden);
    if (code != SQLITE_OK) return fail(connection->failure(code));
    return connection;
}

SqliteConnection::~SqliteConnection() {
    for (const auto& [sql, statement] : kept_) sqlite3_finalize(statement);
    sqlite3_close(handle_);
}

Status SqliteConnection::execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(failure(code));
    return {};
}

Result<SqliteStatement> SqliteConnection::prepare(std::string_view sql) {
    if (const auto kept = kept_.find(sql); kept != kept_.end())
        return SqliteStatement(*this, kept_.extract(kept).mapped());
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
    if (code != SQLITE_OK) return fail(failure(code));
    return SqliteStatement(*this, statement);
}

void SqliteConnection::keep(sqlite3_stmt* statement) {
    sqlite3_reset(statement);  // tells the error of its last step once more
    sqlite3_clear_bindings(statement);
    const char* sql = sqlite3_sql(statement);
    const bool kept =
        sql != nullptr && kept_.size() < kStatementsKeptMax && kept_.emplace(sql, statement).second;
    if (!kept) sqlite3_finalize(statement);
}

Result<std::int64_t> SqliteConnection::query_int(std::string_view sql) {
    KVASIR_TRY_ASSIGN(SqliteStatement statement, prepare(sql));
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    return row ? statement.int_at(0) : 0;
}

Result<std::string> SqliteConnection::query_text(std::string_view sql) {
    KVASIR_TRY_ASSIGN(SqliteStatement statement, prepare(sql));
    KVASIR_TRY_ASSIGN(const bool row, statement.step());
    return row ? statement.text_at(0) : std::string();
}

std::int64_t SqliteConnection::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t SqliteConnection::changed_rows() const { return sqlite3_changes(handle_); }
bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
bool SqliteConnection::read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

void SqliteConnection::set_close_checkpoint(CloseCheckpoint value) {
    const int forbidden = value == CloseCheckpoint::kForbidden ? 1 : 0;
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, forbidden, nullptr);
}

Error SqliteConnection::failure(int code) {
    const std::string reason = sqlite3_errmsg(handle_);
    const int system_error = sqlite3_system_errno(handle_);
    switch (code & 0xff) {
        case SQLITE_FULL:
            return {
                ErrorCode::kNoSpace,
                fmt::format("the disk is full, the catalog {} could not be written: free some space", path_)};
        case SQLITE_IOERR:
            suspect_ = true;
            if (system_error == ENOSPC || system_error == EDQUOT)
                return {
                    ErrorCode::kNoSpace,
                    fmt::format(
                        "the disk or its quota is full, the catalog {} could not be written: free some space",
                        path_)};
            return {ErrorCode::kIo,
                    fmt::format("the disk failed under the catalog {} ({}): check the disk", path_, reason)};
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return {
                ErrorCode::kStoreUnusable,
                fmt::format(
                    "the catalog {} is damaged ({}); nothing was changed: run `kvasir doctor`, or restore a "
                    "backup of the store",
                    path_, reason)};
        case SQLITE_READONLY:
            return {ErrorCode::kIo,
                    fmt::format("the catalog {} is read-only: make it writable, or choose another store "
                                "with --home",
                                path_)};
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return {ErrorCode::kIo,
                    fmt::format("the catalog {} cannot be opened ({}): check that its directory exists and "
                                "is writable",
                                path_, reason)};
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {ErrorCode::kStoreInUse,
                    fmt::format("the catalog {} is in use by another program", path_)};
        case SQLITE_NOMEM:
            return {ErrorCode::kOutOfMemory, fmt::format("no memory for the catalog {}", path_)};
        case SQLITE_TOOBIG:
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
            return {ErrorCode::kInvalidArgument, fmt::format("the catalog refuses the value ({})", reason)};
        default:
            return {ErrorCode::kIo, fmt::format("the catalog {} failed ({}, code {})", path_, reason, code)};
    }
}

Result<std::unique_ptr<SqliteTransaction>> SqliteTransaction::begin(SqliteConnection& connection) {
    KVASIR_TRY(connection.execute("BEGIN IMMEDIATE"));
    return std::unique_ptr<SqliteTransaction>(new SqliteTransaction(connection));
}

SqliteTransaction::~SqliteTransaction() {
    if (!finished_) roll_back();
}

Status SqliteTransaction::commit() {
    finished_ = true;
    Status committed = connection_.execute("COMMIT");
    if (!committed) roll_back();
    return committed;
}

void SqliteTransaction::roll_back() {
    // SQLite has rolled back by itself after most errors. A rollback that fails leaves a suspect connection,
    // which the catalog closes: that rolls back as well.
    if (connection_.in_transaction()) static_cast<void>(connection_.execute("ROLLBACK"));
}

}  // namespace kvasir
