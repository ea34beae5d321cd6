#include "engine/llama/row_parts.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>
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

// How rows come to their tensors.
enum class Way {
    kStraight,  // each part by the thread that has looked at it
    kBatches,   // to a device, by one thread at a time: a batch of parts while the next one is looked at
    kWhole,     // numbers reach from one part into the next: when all are there and looked at
};

class RowParts {
  public:
    RowParts(RowSource& source, const StateFeed& feed, std::span<std::byte> places,
             const StateGeometry& geometry, Position rows)
        : source_(source),
          places_(places),
          geometry_(geometry),
          rows_(rows),
          writes_(in_order_of_rows(feed.writes())),
          way_(way_of(feed, geometry, rows)) {}

    Status bring(TransferMemory& transfer) {
        switch (way_) {
            case Way::kStraight:
                return bring_straight();
            case Way::kBatches:
                return bring_batches(transfer);
            case Way::kWhole:
                break;
        }
        return bring_whole();
    }

  private:
    static Way way_of(const StateFeed& feed, const StateGeometry& geometry, Position rows) {
        if (!can_be_looked_at_in_parts(geometry, rows)) return Way::kWhole;
        return feed.all_in_memory() ? Way::kStraight : Way::kBatches;
    }

    Status bring_straight() {
        return for_parts(0, source_.parts(), {}, [&](std::uint64_t number) -> Status {
            KVASIR_TRY_ASSIGN(const auto part, looked_at(number, buffer_of_thread()));
            write(part, number * kRowPartBytes);
            return {};
        });
    }

    Status bring_whole() {
        KVASIR_TRY(for_parts(0, source_.parts(), {}, [&](std::uint64_t number) -> Status {
            const auto place = places_.subspan(number * kRowPartBytes, kRowPartBytes);
            KVASIR_TRY_ASSIGN(const auto part, source_.part(number, place));
            if (part.data() != place.data()) std::copy(part.begin(), part.end(), place.begin());
            return {};
        }));
        const auto all = places_.first(source_.bytes());
        KVASIR_TRY(check_finite(all, 0, geometry_, rows_));
        write(all, 0);
        return {};
    }

    // Parts that are good and not written yet.
    struct Batch {
        std::uint64_t first = 0;
        std::vector<std::span<const std::byte>> parts;
    };
    Status bring_batches(TransferMemory& transfer) {
        if (writes_.empty()) return {};
        auto [free, used] = transfer.suiting(*writes_.front().tensor);
        Batch ready;
        for (std::uint64_t first = 0; first < source_.parts(); first += kTransferBatchParts) {
            const std::uint64_t end = std::min<std::uint64_t>(first + kTransferBatchParts, source_.parts());
            Batch batch{first, std::vector<std::span<const std::byte>>(end - first)};
            KVASIR_TRY(for_parts(
                first, end, [&] { write(ready); },
                [&, memory = free](std::uint64_t number) -> Status {
                    const auto place = memory.subspan((number - first) * kRowPartBytes, kRowPartBytes);
                    KVASIR_TRY_ASSIGN(batch.parts[number - first], looked_at(number, place));
                    return {};
                }));
            ready = std::move(batch);
            std::swap(free, used);
        }
        write(ready);
        return {};
    }

    // By several threads, one of which does `beside` first, if there is such. Of several errors the first
    // part's is told, whoever was faster.
    Status for_parts(std::uint64_t begin, std::uint64_t end, const std::function<void()>& beside,
                     const std::function<Status(std::uint64_t)>& bring) {
        const std::size_t before = beside ? 1 : 0;
        std::vector<Status> outcomes(end - begin);
        std::atomic<std::uint64_t> failed = end;
        Workers::shared().run_bytes(source_.bytes(), before + outcomes.size(), [&](std::size_t i) {
            if (i < before) return beside();
            const std::uint64_t number = begin + i - before;
            if (number > failed) return;
            Status& outcome = outcomes[number - begin] = bring(number);
            if (!outcome) note_first(failed, number);
        });
        for (Status& outcome : outcomes) KVASIR_TRY(std::move(outcome));
        return {};
    }
    static void note_first(std::atomic<std::uint64_t>& failed, std::uint64_t number) {
        std::uint64_t first = failed;
        while (number < first && !failed.compare_exchange_weak(first, number)) {
        }
    }

    Result<std::span<const std::byte>> looked_at(std::uint64_t number, std::span<std::byte> buffer) {
        KVASIR_TRY_ASSIGN(const auto part, source_.part(number, buffer));
        KVASIR_TRY(check_finite(part, number * kRowPartBytes, geometry_, rows_));
        return part;
    }

    void write(const Batch& batch) const {
        std::uint64_t number = batch.first;
        for (const auto& part : batch.parts) write(part, number++ * kRowPartBytes);
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

    RowSource& source_;
    const std::span<std::byte> places_;
    const StateGeometry& geometry_;
    const Position rows_;
    const std::vector<TensorWrite> writes_;
    const Way way_;
};

}  // namespace

Status bring_rows(RowSource& source, const StateFeed& feed, std::span<std::byte> places,
                  TransferMemory& transfer, const StateGeometry& geometry, Position rows) {
    return RowParts(source, feed, places, geometry, rows).bring(transfer);
}

}  // namespace kvasir
