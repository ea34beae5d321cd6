#include "engine/llama/row_copies.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <ggml-backend.h>

#include "base/limits.h"
#include "base/workers.h"
#include "engine/llama/state_reader.h"

namespace kvasir {

namespace {

// Rows of neighbouring positions that stand behind each other in one tensor.
struct RowCopy {
    const TensorRead* from = nullptr;
    std::uint64_t begin = 0;  // in it
    std::uint64_t bytes = 0;
    std::byte* to = nullptr;
};

class RowCopies {
  public:
    RowCopies(const StatePart& part, const StateTap& tap, Position begin)
        : part_(part), tap_(tap), begin_(begin) {}

    // All rows of one layer's keys or values, which stand in cell order; `to` gets them in position order.
    Status add(std::span<const std::byte> places, std::uint64_t row_bytes, std::byte* to) {
        if (row_bytes == 0) return {};
        if (row_bytes > kTransferBatchBytes) return damaged_state("a row is longer than any model's");
        for (std::size_t cell = 0; cell < part_.positions.size(); ++cell) {
            const std::byte* place = places.data() + cell * row_bytes;
            const TensorRead* read = read_of(place);
            if (read == nullptr || place + row_bytes > read->place.data() + read->place.size())
                return damaged_state("a row stands in no tensor");
            const RowCopy row{read, static_cast<std::uint64_t>(place - read->place.data()), row_bytes,
                              to + row_bytes * (part_.positions[cell] - begin_)};
            if (!extends(row)) copies_.push_back(row);
        }
        return {};
    }

    void run(std::uint64_t bytes, TransferMemory& transfer) const {
        if (!tap_.all_in_memory()) return run_through(transfer);
        Workers::shared().run_bytes(bytes, copies_.size(),
                                    [&](std::size_t number) { get(copies_[number], copies_[number].to); });
    }

  private:
    const TensorRead* read_of(const std::byte* place) const {
        const auto& reads = tap_.reads();
        const auto after = std::partition_point(
            reads.begin(), reads.end(), [&](const TensorRead& read) { return read.place.data() <= place; });
        return after == reads.begin() ? nullptr : &*(after - 1);
    }
    static void get(const RowCopy& copy, std::byte* to) {
        ggml_backend_tensor_get(copy.from->tensor, to, copy.from->offset + copy.begin, copy.bytes);
    }

    // Some copies that follow each other, and where their rows are before they are where they belong.
    struct Batch {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::vector<const std::byte*> rows;
    };
    Batch fetch(std::size_t begin, std::span<std::byte> memory) const {
        Batch batch{begin, begin, {}};
        while (batch.end < copies_.size() && copies_[batch.end].bytes <= memory.size()) {
            const RowCopy& copy = copies_[batch.end++];
            get(copy, memory.data());
            batch.rows.push_back(memory.data());
            memory = memory.subspan(copy.bytes);
        }
        return batch;
    }
    void run_through(TransferMemory& transfer) const {
        const TransferMemory::Batches memory = transfer.suiting(*tap_.reads().front().tensor);
        std::span<std::byte> free = memory.one;
        std::span<std::byte> used = memory.other;
        Batch next = fetch(0, free);
        while (next.begin < next.end) {
            std::swap(free, used);
            const Batch batch = std::exchange(next, {});
            Workers::shared().run(1 + batch.rows.size(), [&](std::size_t part) {
                if (part == 0) {
                    next = fetch(batch.end, free);
                } else {
                    const RowCopy& copy = copies_[batch.begin + part - 1];
                    std::memcpy(copy.to, batch.rows[part - 1], copy.bytes);
                }
            });
        }
    }
    bool extends(const RowCopy& row) {
        if (copies_.empty()) return false;
        RowCopy& last = copies_.back();
        if (last.from != row.from || last.begin + last.bytes != row.begin || last.to + last.bytes != row.to ||
            last.bytes + row.bytes > kRowPartBytes) {
            return false;
        }
        last.bytes += row.bytes;
        return true;
    }

    const StatePart& part_;
    const StateTap& tap_;
    const Position begin_;
    std::vector<RowCopy> copies_;
};

}  // namespace

Status copy_rows(const StatePart& part, const StateTap& tap, const StateGeometry& geometry, TokenRange range,
                 TransferMemory& transfer, std::vector<std::byte>& rows) {
    KVASIR_TRY(check_positions(part, range));
    rows.resize(row_image_bytes(geometry, range.size()));
    RowCopies copies(part, tap, range.begin);
    std::byte* to = rows.data();
    for (std::size_t layer = 0; layer < geometry.size(); ++layer) {
        KVASIR_TRY(copies.add(part.keys[layer], geometry[layer].key_row_bytes, to));
        to += geometry[layer].key_row_bytes * range.size();
        KVASIR_TRY(copies.add(part.values[layer], geometry[layer].value_row_bytes, to));
        to += geometry[layer].value_row_bytes * range.size();
    }
    copies.run(rows.size(), transfer);
    return {};
}

}  // namespace kvasir
