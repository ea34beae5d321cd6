#include "engine/llama/kv_transfer.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include <fmt/format.h>
#include <llama-memory.h>  // internal header of the pinned engine: rows apart from states

#include "engine/llama/row_copies.h"

namespace kvasir {

namespace {

llama_state_seq_flags flags_of(Plane plane) {
    // "Partial" leaves the append part out: the window part alone.
    return plane == Plane::kWindow ? LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY : 0;
}

const StateGeometry& geometry_of(const ModelGeometry& geometry, Plane plane) {
    return plane == Plane::kAppend ? geometry.append : geometry.window;
}

// Copies the rows of a part (of `part_range`) into the rows of `range`, which holds it.
void place_rows(const StateGeometry& geometry, TokenRange range, TokenRange part_range,
                std::span<const std::byte> part, std::vector<std::byte>& rows) {
    std::uint64_t to = 0;
    std::uint64_t from = 0;
    for (const StateLayer& layer : geometry) {
        for (const std::uint64_t row_bytes : {layer.key_row_bytes, layer.value_row_bytes}) {
            std::memcpy(rows.data() + to + row_bytes * (part_range.begin - range.begin), part.data() + from,
                        row_bytes * part_range.size());
            to += row_bytes * range.size();
            from += row_bytes * part_range.size();
        }
    }
}

// How far rows from range.begin on can be had at once: none of them may be outside the window of the last.
Position part_end(const KvLayout& layout, Plane plane, TokenRange range) {
    if (plane == Plane::kAppend) return range.end;
    const Position size = layout.window_tokens;
    const Position end =
        layout.window_shape == WindowShape::kChunked ? (range.begin / size + 1) * size : range.begin + size;
    return std::min(range.end, end);
}

}  // namespace

KvTransfer::KvTransfer(llama_context& context, const ModelGeometry& geometry, llama_seq_id scratch,
                       Position positions_max)
    : context_(context),
      memory_(llama_get_memory(&context)),
      parts_(memory_parts(memory_)),
      geometry_(geometry),
      scratch_(scratch),
      positions_max_(positions_max) {}

StateGeometries KvTransfer::geometries(Plane plane) const {
    StateGeometries present;
    if (plane == Plane::kAppend) present.append = &geometry_.append;
    if (has_window()) present.window = &geometry_.window;
    if (geometry_.snapshot) present.snapshot = &*geometry_.snapshot;
    present.cell_note = geometry_.cell_note;
    return present;
}

Result<std::span<const std::byte>> KvTransfer::get_state(llama_seq_id sequence, Plane plane, Position rows) {
    // Asking llama.cpp for the size walks all cells of the pool; the most that it can be is known.
    const std::uint64_t bytes_max = state_bytes_max(geometries(plane), rows);
    if (image_.size() < bytes_max) image_.resize(bytes_max);
    std::size_t bytes = 0;
    try {
        bytes = llama_state_seq_get_data_ext(&context_, reinterpret_cast<std::uint8_t*>(image_.data()),
                                             image_.size(), sequence, flags_of(plane));
    } catch (const std::exception& error) {
        return fail(ErrorCode::kDamaged,
                    fmt::format("the engine did not hand out its KV state: {}", error.what()));
    }
    if (bytes == 0) return fail(ErrorCode::kDamaged, "the engine did not hand out its KV state");
    return std::span<const std::byte>(image_).first(bytes);
}

Status KvTransfer::tap_state(llama_seq_id sequence, Plane plane, StateTap& tap) {
    llama_synchronize(&context_);
    try {
        tap.write(&kStateMagic, sizeof(kStateMagic));  // which its own function adds, and the sequence id
        tap.write(&sequence, sizeof(sequence));
        memory_->state_write(tap, sequence, flags_of(plane));
    } catch (const std::exception& error) {
        return fail(ErrorCode::kDamaged,
                    fmt::format("the engine did not hand out its KV state: {}", error.what()));
    }
    return {};
}

bool KvTransfer::offer_state(llama_seq_id sequence, Plane plane, StateFeed& feed) {
    llama_synchronize(&context_);
    try {
        std::uint64_t header = 0;  // magic and a sequence id, which its own function takes off
        feed.read(&header, sizeof(header));
        memory_->state_read(feed, sequence, flags_of(plane));
    } catch (const std::exception&) {
        return false;
    }
    return feed.at_end();
}

bool KvTransfer::set_state(llama_seq_id sequence, Plane plane,
                           std::span<const std::span<const std::byte>> image) {
    StateFeed feed(image);
    if (!offer_state(sequence, plane, feed)) return false;
    feed.apply();
    return true;
}

Status KvTransfer::export_part(llama_seq_id sequence, Plane plane, TokenRange range,
                               std::vector<std::byte>& rows) {
    parts_.rows->seq_cp(sequence, scratch_, static_cast<llama_pos>(range.begin),
                        static_cast<llama_pos>(range.end));
    const Status copied = copy_scratch(plane, range, rows);
    llama_memory_seq_rm(memory_, scratch_, -1, -1);
    return copied;
}

Status KvTransfer::copy_scratch(Plane plane, TokenRange range, std::vector<std::byte>& rows) {
    StateTap tap(places_.of_bytes(row_image_bytes(geometry_.append, range.size()) +
                                  row_image_bytes(geometry_.window, range.size())));
    KVASIR_TRY(tap_state(scratch_, plane, tap));
    KVASIR_TRY_ASSIGN(const ParsedState state, parse_state(tap.finish(), geometries(plane), positions_max_));
    return copy_rows(plane == Plane::kAppend ? state.append : state.window, tap,
                     geometry_of(geometry_, plane), range, transfer_, rows);
}

Status KvTransfer::export_rows(llama_seq_id sequence, Plane plane, TokenRange range,
                               std::vector<std::byte>& rows) {
    if (part_end(geometry_.layout, plane, range) == range.end)
        return export_part(sequence, plane, range, rows);
    // Behind a whole window llama.cpp leaves rows out, so a longer range is taken in parts.
    const StateGeometry& geometry = geometry_of(geometry_, plane);
    rows.resize(row_image_bytes(geometry, range.size()));
    for (TokenRange left = range; !left.empty();) {
        const TokenRange part{left.begin, part_end(geometry_.layout, plane, left)};
        KVASIR_TRY(export_part(sequence, plane, part, part_));
        place_rows(geometry, range, part, part_, rows);
        left.begin = part.end;
    }
    return {};
}

Status KvTransfer::import_rows(llama_seq_id sequence, Plane plane, TokenRange range, RowSource& rows) {
    const StateGeometry& geometry = geometry_of(geometry_, plane);
    if (range.empty() || range.end > positions_max_ ||
        rows.bytes() != row_image_bytes(geometry, range.size())) {
        return fail(ErrorCode::kDamaged, "the KV state is damaged: its rows do not fit their range");
    }
    const FilledPart filled = plane == Plane::kAppend ? FilledPart::kAppend : FilledPart::kWindow;
    const std::span<std::byte> places = places_.of(rows);
    const StatePieces image = compose_state(geometries(plane), filled, range, places.first(rows.bytes()));
    // The pair of the composer: what goes in is walked to its last byte by the same parser that reads what
    // comes out.
    KVASIR_TRY(parse_state(image, geometries(plane), positions_max_).map([](const ParsedState&) {}));
    llama_memory_seq_rm(memory_, scratch_, -1, -1);
    StateFeed feed(image.pieces());
    Status brought =
        fail(ErrorCode::kOutOfMemory, fmt::format("the engine has no {} free KV cells", range.size()));
    if (offer_state(scratch_, plane, feed))
        brought = bring_rows(rows, feed, places, transfer_, geometry, range.size());
    if (brought) {
        parts_.rows->seq_cp(scratch_, sequence, static_cast<llama_pos>(range.begin),
                            static_cast<llama_pos>(range.end));
    }
    llama_memory_seq_rm(memory_, scratch_, -1, -1);
    return brought;
}

llama_pos KvTransfer::window_begin(llama_seq_id sequence) const { return parts_.rows->seq_pos_min(sequence); }

Status KvTransfer::check_rows(llama_seq_id sequence, Position tokens) {
    KVASIR_TRY_ASSIGN(const auto image, get_state(sequence, Plane::kAppend, tokens));
    KVASIR_TRY_ASSIGN(const ParsedState state,
                      parse_state(image, geometries(Plane::kAppend), positions_max_));
    if (state.append.positions.size() != tokens ||
        (has_window() && state.window.positions.size() != tokens)) {
        return fail(ErrorCode::kDamaged, "it does not hold a row per token");
    }
    return {};
}

Status KvTransfer::check_layout(llama_seq_id sequence, Position tokens) {
    if (geometry_.layout.has_rows()) KVASIR_TRY(check_rows(sequence, tokens));
    if (geometry_.layout.has_snapshot()) KVASIR_TRY(check_snapshot(sequence, tokens));
    return {};
}

}  // namespace kvasir
