#include "memory/sliced_rows.h"

#include <algorithm>
#include <cassert>

namespace kvasir {

namespace {

// Parts of a source, of which the one that was asked for last is at hand.
class LastPart {
  public:
    explicit LastPart(RowSource& source) : source_(source) {}

    // From byte `begin` on, as far as one part goes, `bytes_max` at most.
    Result<std::span<const std::byte>> at(std::uint64_t begin, std::uint64_t bytes_max) {
        const std::uint64_t number = begin / kRowPartBytes;
        if (part_.empty() || number != number_) {
            KVASIR_TRY_ASSIGN(part_, source_.part(number, buffer_of_thread()));
            number_ = number;
        }
        const std::uint64_t offset = begin - number * kRowPartBytes;
        return part_.subspan(offset, std::min<std::uint64_t>(bytes_max, part_.size() - offset));
    }

  private:
    static std::span<std::byte> buffer_of_thread() {
        thread_local std::vector<std::byte> buffer(kRowPartBytes);
        return buffer;
    }

    RowSource& source_;
    std::uint64_t number_ = 0;
    std::span<const std::byte> part_;
};

}  // namespace

SlicedRows::SlicedRows(RowSource& whole, const KvLayout& layout, Plane plane, TokenRange held,
                       TokenRange part)
    : whole_(whole) {
    assert(part.begin >= held.begin && part.end <= held.end);
    std::uint64_t from = 0;
    for (const KvLayer& layer : layout.layers(plane)) {
        for (const std::uint64_t row_bytes : {layer.key_row_bytes, layer.value_row_bytes}) {
            const Run run{bytes_, from + row_bytes * (part.begin - held.begin), row_bytes * part.size()};
            if (run.bytes > 0) runs_.push_back(run);
            bytes_ += run.bytes;
            from += row_bytes * held.size();
        }
    }
    assert(from == whole.bytes());
}

Result<std::span<const std::byte>> SlicedRows::part(std::uint64_t number, std::span<std::byte> buffer) {
    const std::uint64_t begin = number * kRowPartBytes;
    const std::uint64_t end = std::min<std::uint64_t>(begin + kRowPartBytes, bytes_);
    if (begin >= end || buffer.size() < end - begin)
        return fail(ErrorCode::kInvalidArgument, "a part of rows that are not there");
    LastPart source(whole_);
    auto run = std::partition_point(runs_.begin(), runs_.end(),
                                    [&](const Run& one) { return one.to + one.bytes <= begin; });
    for (std::uint64_t at = begin; at < end;) {
        if (at == run->to + run->bytes) ++run;
        const std::uint64_t in_run = at - run->to;
        const std::uint64_t wanted = std::min(run->bytes - in_run, end - at);
        KVASIR_TRY_ASSIGN(const auto bytes, source.at(run->from + in_run, wanted));
        std::copy(bytes.begin(), bytes.end(), buffer.begin() + static_cast<std::ptrdiff_t>(at - begin));
        at += bytes.size();
    }
    return std::span<const std::byte>(buffer).first(end - begin);
}

}  // namespace kvasir
