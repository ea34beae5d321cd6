#include <algorithm>
#include <limits>

#include <sqlite3.h>

#include "store/sqlite.h"

namespace kvasir {

namespace {

sqlite3_destructor_type copied() { return reinterpret_cast<sqlite3_destructor_type>(std::intptr_t{-1}); }

std::vector<std::uint8_t> little_endian(std::span<const Token> tokens) {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(tokens.size() * 4);
    for (const Token token : tokens) {
        const auto value = static_cast<std::uint32_t>(token);
        for (unsigned shift = 0; shift < 32; shift += 8)
            bytes.push_back(static_cast<std::uint8_t>((value >> shift) & 0xff));
    }
    return bytes;
}

}  // namespace

SqliteStatement::SqliteStatement(SqliteConnection& connection, sqlite3_stmt* handle)
    : connection_(&connection), handle_(handle, GiveBack{&connection}) {}

void SqliteStatement::GiveBack::operator()(sqlite3_stmt* handle) const { connection->keep(handle); }

SqliteStatement& SqliteStatement::bound(int code) {
    if (bind_code_ == SQLITE_OK) bind_code_ = code;
    ++next_parameter_;
    return *this;
}

SqliteStatement& SqliteStatement::bind_int(std::int64_t value) {
    return bound(sqlite3_bind_int64(handle_.get(), next_parameter_, value));
}

SqliteStatement& SqliteStatement::bind_count(std::uint64_t value) {
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return bind_int(static_cast<std::int64_t>(std::min(value, kMax)));
}

SqliteStatement& SqliteStatement::bind_text(std::string_view value) {
    // An empty view may have no data, and SQLite reads a null pointer as NULL.
    const char* data = value.empty() ? "" : value.data();
    return bound(
        sqlite3_bind_text64(handle_.get(), next_parameter_, data, value.size(), copied(), SQLITE_UTF8));
}

SqliteStatement& SqliteStatement::bind_blob(std::span<const std::byte> value) {
    if (value.empty()) return bound(sqlite3_bind_zeroblob(handle_.get(), next_parameter_, 0));
    return bound(sqlite3_bind_blob64(handle_.get(), next_parameter_, value.data(), value.size(), copied()));
}

SqliteStatement& SqliteStatement::bind_digest(const Digest256& value) {
    return bind_blob(std::as_bytes(std::span(value.bytes)));
}

SqliteStatement& SqliteStatement::bind_digest(const std::optional<Digest256>& value) {
    return value ? bind_digest(*value) : bind_null();
}

SqliteStatement& SqliteStatement::bind_tokens(std::span<const Token> value) {
    const std::vector<std::uint8_t> bytes = little_endian(value);
    return bind_blob(std::as_bytes(std::span(bytes)));
}

SqliteStatement& SqliteStatement::bind_null() {
    return bound(sqlite3_bind_null(handle_.get(), next_parameter_));
}

Result<bool> SqliteStatement::step() {
    if (bind_code_ != SQLITE_OK) return fail(connection_->failure(bind_code_));
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return fail(connection_->failure(code));
}

Status SqliteStatement::run() {
    while (true) {
        KVASIR_TRY_ASSIGN(const bool row, step());
        if (!row) return {};
    }
}

void SqliteStatement::reset() {
    sqlite3_reset(handle_.get());
    next_parameter_ = 1;
    bind_code_ = SQLITE_OK;
}

}  // namespace kvasir
