#include "memory/window_capture.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "memory/token_chain.h"

namespace kvasir {

Status WindowCapture::capture(Engine& engine, SequenceId sequence, Position position) {
    if (!covered_.empty() && covered_.back() == position) return {};
    TokenRange missing = engine.kv_layout().window_range(position);
    if (!covered_.empty()) missing.begin = std::max(missing.begin, covered_.back());
    std::vector<WindowSegment> added;
    for (const TokenRange& part : split_at_blocks(missing)) {
        auto image = std::make_shared<std::vector<std::byte>>();
        KVASIR_TRY(engine.export_rows(sequence, Plane::kWindow, part, *image));
        added.push_back({part, std::move(image)});
    }
    std::move(added.begin(), added.end(), std::back_inserter(segments_));
    covered_.push_back(position);
    return {};
}

void WindowCapture::assume_stored(Position position) {
    clear();
    covered_.push_back(position);
}

void WindowCapture::rewind(Position position) {
    std::erase_if(segments_, [&](const WindowSegment& segment) { return segment.range.end > position; });
    std::erase_if(covered_, [&](Position covered) { return covered > position; });
}

void WindowCapture::clear() {
    segments_.clear();
    covered_.clear();
}

void WindowCapture::keep_only(const KvLayout& layout, const std::vector<Position>& boundaries) {
    std::erase_if(segments_, [&](const WindowSegment& segment) {
        return std::none_of(boundaries.begin(), boundaries.end(), [&](Position boundary) {
            const TokenRange window = layout.window_range(boundary);
            return segment.range.end > window.begin && segment.range.end <= window.end;
        });
    });
    std::erase_if(covered_, [&](Position covered) {
        return std::find(boundaries.begin(), boundaries.end(), covered) == boundaries.end();
    });
}

std::uint64_t WindowCapture::bytes_alone() const {
    std::uint64_t sum = 0;
    for (const WindowSegment& segment : segments_)
        sum += segment.image.use_count() == 1 ? segment.image->size() : 0;
    return sum;
}

}  // namespace kvasir
