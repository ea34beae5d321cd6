#include "store/sqlite_copy.h"

#include <sqlite3.h>

namespace kvasir {

Result<std::unique_ptr<SqliteCopy>> SqliteCopy::begin(SqliteConnection& source, const std::string& path) {
    KVASIR_TRY_ASSIGN(std::unique_ptr<SqliteConnection> target, SqliteConnection::open(path, {}));
    std::unique_ptr<SqliteCopy> copy(new SqliteCopy(std::move(target)));
    copy->backup_ = sqlite3_backup_init(copy->target_->handle_, "main", source.handle_, "main");
    if (copy->backup_ == nullptr)
        return fail(copy->target_->failure(sqlite3_errcode(copy->target_->handle_)));
    return copy;
}

SqliteCopy::~SqliteCopy() {
    if (backup_ != nullptr) sqlite3_backup_finish(backup_);
}

Result<bool> SqliteCopy::step(int pages) {
    const int code = sqlite3_backup_step(backup_, pages);
    if (code == SQLITE_OK) return false;
    const int finished = sqlite3_backup_finish(backup_);
    backup_ = nullptr;
    if (code == SQLITE_DONE && finished == SQLITE_OK) return true;
    return fail(target_->failure(code == SQLITE_DONE ? finished : code));
}

}  // namespace kvasir
