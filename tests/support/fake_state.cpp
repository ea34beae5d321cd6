// FakeEngine: rows out and in.
#include <algorithm>
#include <utility>

#include "support/fake_engine.h"

namespace kvasir::test {

namespace {

// Calls copy(offset in a row, offset in the image, bytes) for every piece of row `index` of `rows`.
template <class Copy>
void for_each_piece(const std::vector<KvLayer>& layers, std::size_t rows, std::size_t index, Copy copy) {
    std::size_t in_row = 0;
    std::size_t in_image = 0;
    for (const KvLayer& layer : layers) {
        for (const std::size_t bytes : {layer.key_row_bytes, layer.value_row_bytes}) {
            copy(in_row, in_image + index * bytes, bytes);
            in_row += bytes;
            in_image += rows * bytes;
        }
    }
}

}  // namespace

Status FakeEngine::export_rows(SequenceId id, Plane plane, TokenRange range, std::vector<std::byte>& image) {
    const Sequence& sequence = at(id);
    const Position length = length_of(sequence);
    const Position oldest = plane == Plane::kAppend ? 0 : fake_.layout().window_range(length).begin;
    if (range.begin > range.end || range.end > length || range.begin < oldest ||
        layout().layers(plane).empty()) {
        return fail(ErrorCode::kInvalidArgument, "rows [" + std::to_string(range.begin) + ", " +
                                                     std::to_string(range.end) + ") are not held");
    }
    image.resize(fake_.layout().row_bytes(plane) * range.size());
    for (Position i = range.begin; i < range.end; ++i) {
        const std::vector<std::byte>& row = plane == Plane::kAppend
                                                ? sequence.append[i]->bytes
                                                : sequence.window[i - sequence.window_begin].bytes;
        for_each_piece(fake_.layout().layers(plane), range.size(), i - range.begin,
                       [&](std::size_t in_row, std::size_t in_image, std::size_t bytes) {
                           std::copy_n(row.data() + in_row, bytes, image.data() + in_image);
                       });
    }
    return {};
}

Status FakeEngine::check_import(const Sequence& sequence, Plane plane, TokenRange range,
                                std::span<const std::byte> image) const {
    const auto refuse = [&](const char* why) {
        return fail(ErrorCode::kInvalidArgument, "import of [" + std::to_string(range.begin) + ", " +
                                                     std::to_string(range.end) + "): " + why);
    };
    if (range.empty() || range.end > options_.context_tokens) return refuse("range");
    if (layout().layers(plane).empty()) return refuse("no such rows");
    if (image.size() != fake_.layout().row_bytes(plane) * range.size()) return refuse("size");
    if (plane == Plane::kWindow) {
        const Position begin = sequence.window.empty()
                                   ? fake_.layout().window_range(sequence.append_end()).begin
                                   : sequence.window_end();
        if (range.begin != begin || range.end > sequence.append_end()) return refuse("order of window rows");
        return {};
    }
    if (range.begin != sequence.append_end() || !sequence.window.empty() || sequence.snapshot_end > 0)
        return refuse("order of append rows");
    if (append_total_ - *append_used_ < range.size()) {
        return fail(ErrorCode::kOutOfMemory, "no free cells: needed " + std::to_string(range.size()) +
                                                 ", available " +
                                                 std::to_string(append_total_ - *append_used_));
    }
    return {};
}

Status FakeEngine::import_rows(SequenceId id, Plane plane, TokenRange range,
                               std::span<const std::byte> image) {
    Sequence& sequence = at(id);
    if (Status checked = check_import(sequence, plane, range, image); !checked) {
        sequence = Sequence{};
        return checked;
    }
    if (plane == Plane::kWindow && sequence.window.empty()) sequence.window_begin = range.begin;
    for (Position i = 0; i < range.size(); ++i) {
        std::vector<std::byte> row(fake_.layout().row_bytes(plane));
        for_each_piece(fake_.layout().layers(plane), range.size(), i,
                       [&](std::size_t in_row, std::size_t in_image, std::size_t bytes) {
                           std::copy_n(image.data() + in_image, bytes, row.data() + in_row);
                       });
        append_rows(sequence, plane, std::move(row));
    }
    return {};
}

Status FakeEngine::export_snapshot(SequenceId id, std::vector<std::byte>& state) {
    const Sequence& sequence = at(id);
    if (!layout().has_snapshot() || length_of(sequence) == 0)
        return fail(ErrorCode::kInvalidArgument, "there is no snapshot");
    state = sequence.snapshot;
    return {};
}

Status FakeEngine::check_snapshot(const Sequence& sequence, Position position,
                                  std::span<const std::byte> state) const {
    const auto refuse = [&](const char* why) {
        return fail(ErrorCode::kInvalidArgument,
                    "import of the state at " + std::to_string(position) + ": " + why);
    };
    if (!layout().has_snapshot()) return refuse("no snapshot plane");
    if (position == 0 || position > options_.context_tokens) return refuse("position");
    if (state.size() != fake_.snapshot_bytes(position)) return refuse("size");
    if (!layout().has_rows()) {
        const Position held = sequence.append_end();
        const Position more = position > held ? position - held : 0;
        return append_total_ - *append_used_ < more ? fail(ErrorCode::kOutOfMemory, "no free cells")
                                                    : Status();
    }
    if (position > sequence.append_end()) return refuse("order: rows first");
    if (!is_window_complete(sequence, position)) return refuse("its window is not there");
    return {};
}

Status FakeEngine::import_snapshot(SequenceId id, Position position, std::span<const std::byte> state) {
    Sequence& sequence = at(id);
    if (Status checked = check_snapshot(sequence, position, state); !checked) {
        sequence = Sequence{};
        return checked;
    }
    while (sequence.append_end() < position) append_rows(sequence, Plane::kAppend, {});
    cut(sequence, position);
    sequence.snapshot.assign(state.begin(), state.end());
    sequence.snapshot_end = position;
    return {};
}

}  // namespace kvasir::test
