#include "engine/llama/row_parts.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/workers.h"

namespace kvasir {

namespace {

// Of the thread, and reused: it stays in the cache of its core.
std::span<std::byte> buffer_of_thread() {
    thread_local std::vector<std::byte> buffer(kRowPartBytes);
    return buffer;
}

std::vector<TensorWrite> in_order_of_rows(std::vector<TensorWrite> writes) {
    std::sort(writes.begin(), writes.end(),
              [](const TensorWrite& a, const TensorWrite& b) { return a.from.data() < b.from.data(); });
    return writes;
}

class RowParts {
  public:
    RowParts(RowSource& source, const StateFeed& feed, std::span<std::byte> places,
             const StateGeometry& geometry, Position rows)
        : source_(source),
          places_(places),
          geometry_(geometry),
          rows_(rows),
          writes_(in_order_of_rows(feed.writes())),
          looks_at_parts_(can_be_looked_at_in_parts(geometry, rows)),
          writes_parts_(looks_at_parts_ && feed.all_in_memory()),
          failed_(source.parts()) {}

    Status bring() {
        std::vector<Status> outcomes(source_.parts());
        Workers::shared().run_bytes(source_.bytes(), outcomes.size(), [&](std::size_t number) {
            if (number > failed_) return;  // what is told is the first that fails, whoever was faster
            outcomes[number] = bring_part(number);
            if (!outcomes[number]) note_failure(number);
        });
        for (Status& outcome : outcomes) KVASIR_TRY(std::move(outcome));
        const auto all = places_.first(source_.bytes());
        if (!looks_at_parts_) KVASIR_TRY(check_finite(all, 0, geometry_, rows_));
        if (!writes_parts_) write(all, 0);
        return {};
    }

  private:
    Status bring_part(std::uint64_t number) {
        const std::uint64_t begin = number * kRowPartBytes;
        const auto place = places_.subspan(begin, kRowPartBytes);
        KVASIR_TRY_ASSIGN(const auto part, source_.part(number, writes_parts_ ? buffer_of_thread() : place));
        if (looks_at_parts_) KVASIR_TRY(check_finite(part, begin, geometry_, rows_));
        if (writes_parts_) {
            write(part, begin);
        } else if (part.data() != place.data()) {
            std::copy(part.begin(), part.end(), place.begin());
        }
        return {};
    }

    // `part` are the rows' bytes from `begin` on.
    void write(std::span<const std::byte> part, std::uint64_t begin) const {
        const std::uint64_t end = begin + part.size();
        const auto first = std::partition_point(
            writes_.begin(), writes_.end(),
            [&](const TensorWrite& write) { return begin_of(write) + write.from.size() <= begin; });
        for (auto write = first; write != writes_.end() && begin_of(*write) < end; ++write) {
            const std::uint64_t from = std::max(begin, begin_of(*write));
            const std::uint64_t to = std::min(end, begin_of(*write) + write->from.size());
            write_tensor(*write, from - begin_of(*write), part.subspan(from - begin, to - from));
        }
    }

    std::uint64_t begin_of(const TensorWrite& write) const {
        return static_cast<std::uint64_t>(write.from.data() - places_.data());
    }

    void note_failure(std::uint64_t number) {
        std::uint64_t first = failed_;
        while (number < first && !failed_.compare_exchange_weak(first, number)) {
        }
    }

    RowSource& source_;
    const std::span<std::byte> places_;
    const StateGeometry& geometry_;
    const Position rows_;
    const std::vector<TensorWrite> writes_;
    const bool looks_at_parts_;
    const bool writes_parts_;  // else all of them are brought to their places first
    std::atomic<std::uint64_t> failed_;
};

}  // namespace

Status bring_rows(RowSource& source, const StateFeed& feed, std::span<std::byte> places,
                  const StateGeometry& geometry, Position rows) {
    return RowParts(source, feed, places, geometry, rows).bring();
}

}  // namespace kvasir
