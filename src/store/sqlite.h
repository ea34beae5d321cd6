// A thin RAII layer over the C API of SQLite: connection, statement, transaction. Values and errors only; no
// SQL of ours.
//
// Owned by the catalog; one thread at a time. Statements must be gone before their connection closes. Every
// error of SQLite becomes one of ours here, with the path and what to do: see SqliteConnection::failure().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/tokens.h"

struct sqlite3;
struct sqlite3_stmt;

namespace kvasir {

class SqliteStatement;

enum class CloseCheckpoint { kAllowed, kForbidden };

class SqliteConnection {
  public:
    // Creates the file if it is missing. `vfs` empty: the default one.
    static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, const std::string& vfs);
    ~SqliteConnection();
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    Status execute(const std::string& sql);  // one or more statements; rows are ignored
    // Statements are kept when they are done with, so that the same SQL is not parsed again.
    Result<SqliteStatement> prepare(std::string_view sql);
    Result<std::int64_t> query_int(std::string_view sql);  // first column of the first row
    Result<std::string> query_text(std::string_view sql);

    std::int64_t last_insert_id() const;
    std::int64_t changed_rows() const;
    bool in_transaction() const;
    bool read_only() const;
    // Whether closing may write the WAL back into the file. Forbidden until we know that the file is ours.
    void set_close_checkpoint(CloseCheckpoint value);

    // The error for a result code of this connection. Remembers that an I/O error was seen.
    Error failure(int code);
    // After an I/O error nothing that this connection has in memory can be relied on: it is closed and opened
    // anew.
    bool suspect() const { return suspect_; }
    const std::string& path() const { return path_; }

  private:
    friend class SqliteStatement;
    friend class SqliteCopy;
    static constexpr std::size_t kStatementsKeptMax = 64;

    SqliteConnection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
    void keep(sqlite3_stmt* statement);

    sqlite3* handle_;
    std::string path_;
    std::map<std::string, sqlite3_stmt*, std::less<>> kept_;  // by SQL; nobody uses them now
    bool suspect_ = false;
};

// Parameters are bound in order of the calls; a failed bind is reported by the next step.
class SqliteStatement {
  public:
    SqliteStatement(SqliteConnection& connection, sqlite3_stmt* handle);

    SqliteStatement& bind_int(std::int64_t value);
    SqliteStatement& bind_count(std::uint64_t value);
    SqliteStatement& bind_text(std::string_view value);
    SqliteStatement& bind_blob(std::span<const std::byte> value);
    SqliteStatement& bind_digest(const Digest256& value);
    SqliteStatement& bind_digest(const std::optional<Digest256>& value);
    SqliteStatement& bind_tokens(std::span<const Token> value);  // little-endian int32
    SqliteStatement& bind_null();

    Result<bool> step();  // true: a row is there
    Status run();         // to the end, rows ignored
    void reset();         // bind anew, step anew

    bool is_null(int column) const;
    std::int64_t int_at(int column) const;
    std::uint64_t count_at(int column) const;
    std::uint32_t position_at(int column) const;
    std::string text_at(int column) const;
    // A value of the wrong length is damage: remembered, and reported by column_error().
    Digest256 digest_at(int column);
    std::vector<Token> tokens_at(int column);
    Status column_error() const;

  private:
    struct GiveBack {
        SqliteConnection* connection;
        void operator()(sqlite3_stmt* handle) const;
    };
    SqliteStatement& bound(int code);

    SqliteConnection* connection_;
    std::unique_ptr<sqlite3_stmt, GiveBack> handle_;
    int next_parameter_ = 1;
    int bind_code_ = 0;
    bool column_damaged_ = false;
};

// BEGIN IMMEDIATE ... COMMIT; rolls back unless committed.
class SqliteTransaction {
  public:
    static Result<std::unique_ptr<SqliteTransaction>> begin(SqliteConnection& connection);
    ~SqliteTransaction();
    SqliteTransaction(const SqliteTransaction&) = delete;
    SqliteTransaction& operator=(const SqliteTransaction&) = delete;

    Status commit();  // durable when it returns without an error; rolled back otherwise

  private:
    explicit SqliteTransaction(SqliteConnection& connection) : connection_(connection) {}
    void roll_back();

    SqliteConnection& connection_;
    bool finished_ = false;
};

}  // namespace kvasir
