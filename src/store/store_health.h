// What of a store does not work just now, and what has gone wrong since it was opened. A problem ends when
// the same thing works again: nothing needs a restart. Owned by Store; engine thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace kvasir {

enum class StorePart {
    kCatalog,  // turns can't be made durable
    kTurns,    // the disk is full: turns are refused before they start
    kBlocks,   // the disk fails under KV files
    kKvSpace   // no room for KV: it is read again when it is needed
};
inline constexpr std::size_t kStoreParts = 4;

enum class StoreState { kOk, kLow, kFull, kDegraded };
const char* to_string(StoreState state);

struct StoreProblem {
    std::string reason;
    std::int64_t since_unix_ms = 0;
    std::int64_t seen_unix_ms = 0;  // last
};

struct StoreCounters {
    std::uint64_t commits_failed = 0;    // writes of the catalog that the disk refused
    std::uint64_t kv_writes_failed = 0;  // of block files
    std::uint64_t kv_refused = 0;        // saves that found no room
    std::uint64_t turns_refused = 0;     // before they started: no space
    std::uint64_t recovered = 0;         // problems that ended
    std::uint64_t collected_files = 0;
    std::uint64_t collected_bytes = 0;
    std::uint64_t blocks_damaged = 0;  // failed verification
    std::uint64_t files_unknown = 0;   // that no row knew, removed
    std::uint64_t rows_without_file = 0;
    std::uint64_t rebuilds = 0;  // turns that read tokens again because stored KV was damaged
};

class StoreHealth {
  public:
    // The outcome of something that shows whether a part works. Errors that say nothing about the disk (a
    // name that is taken) are none.
    // True: it is a problem of the disk.
    bool note(StorePart part, const Status& outcome, std::int64_t now_unix_ms);

    StoreState state() const;
    // The worst of the problems that last.
    const StoreProblem* worst() const;
    const std::optional<StoreProblem>& problem(StorePart part) const {
        return problems_[static_cast<std::size_t>(part)];
    }
    StoreCounters counters;

  private:
    std::array<std::optional<StoreProblem>, kStoreParts> problems_;  // the worst first
};

}  // namespace kvasir
