// Reading the columns of a row, whatever was written into it: SqliteStatement's other half.
#include <algorithm>
#include <limits>

#include <sqlite3.h>

#include "store/sqlite.h"

namespace kvasir {

bool SqliteStatement::is_null(int column) const {
    return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::int64_t SqliteStatement::int_at(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::uint64_t SqliteStatement::count_at(int column) const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(int_at(column), 0));
}

std::uint32_t SqliteStatement::position_at(int column) const {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(count_at(column), kMax));
}

std::string SqliteStatement::text_at(int column) const {
    const unsigned char* text = sqlite3_column_text(handle_.get(), column);
    if (text == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    return std::string(reinterpret_cast<const char*>(text), size);
}

Digest256 SqliteStatement::digest_at(int column) {
    Digest256 digest;
    const void* data = sqlite3_column_blob(handle_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    if (data == nullptr || size != digest.bytes.size()) {
        column_damaged_ = true;
        return digest;
    }
    std::copy_n(static_cast<const std::uint8_t*>(data), size, digest.bytes.begin());
    return digest;
}

std::vector<Token> SqliteStatement::tokens_at(int column) {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_.get(), column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    if (size % 4 != 0) column_damaged_ = true;
    std::vector<Token> tokens(data == nullptr ? 0 : size / 4);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::uint32_t value = 0;
        for (unsigned byte = 0; byte < 4; ++byte) value |= std::uint32_t{data[i * 4 + byte]} << (8 * byte);
        tokens[i] = static_cast<Token>(value);
    }
    return tokens;
}

Status SqliteStatement::column_error() const {
    if (!column_damaged_) return {};
    return fail(ErrorCode::kStoreUnusable,
                "the catalog " + connection_->path() +
                    " holds a value of the wrong size; nothing was changed: run `kvasir "
                    "doctor`, or restore a backup of the store");
}

}  // namespace kvasir
