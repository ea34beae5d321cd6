#include "engine/llama/cell_ledger.h"

#include <cassert>

namespace kvasir {

Position CellLedger::length(SequenceId sequence) const {
    const auto found = cells_.find(sequence);
    return found == cells_.end() ? 0 : static_cast<Position>(found->second.size());
}

void CellLedger::append(SequenceId sequence, std::uint32_t rows) {
    assert(rows <= free());
    std::vector<CellId>& cells = cells_[sequence];
    for (std::uint32_t i = 0; i < rows; ++i) {
        if (free_ids_.empty()) {
            free_ids_.push_back(static_cast<CellId>(holders_.size()));
            holders_.push_back(0);
        }
        const CellId id = free_ids_.back();
        free_ids_.pop_back();
        holders_[id] = 1;
        cells.push_back(id);
    }
    used_ += rows;
}

void CellLedger::truncate(SequenceId sequence, Position position) {
    const auto found = cells_.find(sequence);
    if (found == cells_.end()) return;
    std::vector<CellId>& cells = found->second;
    while (cells.size() > position) {
        const CellId id = cells.back();
        cells.pop_back();
        if (--holders_[id] > 0) continue;
        free_ids_.push_back(id);
        --used_;
    }
    if (cells.empty()) cells_.erase(found);
}

void CellLedger::share(SequenceId from, SequenceId to, Position position) {
    assert(length(to) == 0 && position <= length(from));
    if (position == 0) return;
    const std::vector<CellId>& source = cells_.at(from);
    std::vector<CellId> shared(source.begin(), source.begin() + position);
    for (const CellId id : shared) ++holders_[id];
    cells_[to] = std::move(shared);
}

}  // namespace kvasir
