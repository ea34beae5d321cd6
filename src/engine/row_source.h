// Where the rows of a block come from when an engine takes them part by part, so that each is checked and
// moved while it is in the cache of the core that brought it. Of whoever has the rows, who outlives the
// import.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace kvasir {

class RowSource {
  public:
    virtual ~RowSource() = default;

    virtual std::uint64_t bytes() const = 0;  // of the row image
    // Part `number` of the image, kRowPartBytes but for the last, verified: in `buffer`, which has room for
    // so many, or where it stands anyway. Any thread, several at once.
    virtual Result<std::span<const std::byte>> part(std::uint64_t number, std::span<std::byte> buffer) = 0;

    std::uint64_t parts() const { return (bytes() + kRowPartBytes - 1) / kRowPartBytes; }
};

// Rows that are there.
class RowsInMemory : public RowSource {
  public:
    explicit RowsInMemory(std::span<const std::byte> rows) : rows_(rows) {}

    std::uint64_t bytes() const override { return rows_.size(); }
    Result<std::span<const std::byte>> part(std::uint64_t number, std::span<std::byte>) override {
        const std::uint64_t begin = number * kRowPartBytes;
        return rows_.subspan(begin, std::min<std::uint64_t>(kRowPartBytes, rows_.size() - begin));
    }

  private:
    std::span<const std::byte> rows_;
};

// All parts, one after the other.
Result<std::vector<std::byte>> all_rows(RowSource& source);

}  // namespace kvasir
