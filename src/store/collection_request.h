// What is asked of a collection and what came of it. Values, and the interface of one that runs.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "store/collection_plan.h"

namespace kvasir {

struct CollectionRequest {
    std::uint64_t bytes = UINT64_MAX;  // at least so many, as far as there are such
    CollectionDepth depth = CollectionDepth::kUnneeded;
    std::int64_t colder_than_unix_ms = INT64_MAX;
};

struct CollectionResult {
    std::uint64_t bytes_freed = 0;
    std::uint64_t files_removed = 0;  // blocks of all kinds
    std::uint64_t quarantined_removed = 0;
    std::uint64_t agents = 0;  // that must read some of their past again
};

class Collection {
  public:
    virtual ~Collection() = default;
    virtual Status step() = 0;  // with an error it is done
    virtual bool done() const = 0;
    virtual const CollectionResult& result() const = 0;
};

}  // namespace kvasir
