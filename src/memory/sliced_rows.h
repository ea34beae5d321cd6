// Some of the rows that another source has, as a source of their own: what a restore wants of a block that
// holds more. Of whoever has that source, which outlives it. Thread-safe as that is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/row_source.h"

namespace kvasir {

class SlicedRows : public RowSource {
  public:
    // Rows `part` of `whole`, which has the rows `held` of that plane, one tensor after the other.
    SlicedRows(RowSource& whole, const KvLayout& layout, Plane plane, TokenRange held, TokenRange part);

    std::uint64_t bytes() const override { return bytes_; }
    Result<std::span<const std::byte>> part(std::uint64_t number, std::span<std::byte> buffer) override;

  private:
    // Bytes that stand together in both images.
    struct Run {
        std::uint64_t to = 0;
        std::uint64_t from = 0;
        std::uint64_t bytes = 0;
    };

    RowSource& whole_;
    std::vector<Run> runs_;
    std::uint64_t bytes_ = 0;
};

}  // namespace kvasir
