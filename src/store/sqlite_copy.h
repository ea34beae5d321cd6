// A copy of an open database, some pages at a time. What its connection writes meanwhile goes into the copy
// too, so that it is the database as it is when the copy is complete. Same thread as the connection, which
// outlives it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/sqlite.h"

struct sqlite3_backup;

namespace kvasir {

class SqliteCopy {
  public:
    static Result<std::unique_ptr<SqliteCopy>> begin(SqliteConnection& source, const std::string& path);
    ~SqliteCopy();
    SqliteCopy(const SqliteCopy&) = delete;
    SqliteCopy& operator=(const SqliteCopy&) = delete;

    Result<bool> step(int pages);  // true: complete and durable

  private:
    explicit SqliteCopy(std::unique_ptr<SqliteConnection> target) : target_(std::move(target)) {}

    std::unique_ptr<SqliteConnection> target_;
    sqlite3_backup* backup_ = nullptr;
};

}  // namespace kvasir
