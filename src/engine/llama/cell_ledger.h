// Who holds which append cell: the pool's book-keeping above llama.cpp, which shares cells between forks but
// does not tell how many are free. A cell is counted once however many sequences share it. Owned by the
// engine, its thread only.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/tokens.h"
#include "engine/engine.h"

namespace kvasir {

class CellLedger {
  public:
    explicit CellLedger(std::uint32_t total) : total_(total) {}

    std::uint32_t total() const { return total_; }
    std::uint32_t used() const { return used_; }
    std::uint32_t free() const { return total_ - used_; }
    Position length(SequenceId sequence) const;

    void append(SequenceId sequence, std::uint32_t rows);           // new cells at the end
    void truncate(SequenceId sequence, Position position);          // drops the cells at and after position
    void share(SequenceId from, SequenceId to, Position position);  // `to` is empty

  private:
    using CellId = std::uint32_t;

    std::uint32_t total_;
    std::uint32_t used_ = 0;
    std::unordered_map<SequenceId, std::vector<CellId>> cells_;
    std::vector<std::uint32_t> holders_;  // by cell id
    std::vector<CellId> free_ids_;
};

}  // namespace kvasir
