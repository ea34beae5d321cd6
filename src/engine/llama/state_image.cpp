#include "engine/llama/state_image.h"

#include <algorithm>
#include <cstring>

namespace kvasir {

namespace {

constexpr std::uint32_t kStreams = 1;
constexpr std::size_t kCellBytes = 12;   // position, 1, sequence
constexpr std::size_t kNoteBytes = 12;   // x, y, token
constexpr std::size_t kHeaderBytes = 8;  // magic, sequence
constexpr std::size_t kPartBytes = 16;   // streams, cells, transposed, layers
constexpr std::size_t kLayerBytes = 12;  // type, row bytes; once for keys and once for values

std::size_t cell_bytes(CellNote note) { return kCellBytes + (note == CellNote::kPlane ? kNoteBytes : 0); }

Status read_note(StateReader& reader, std::int32_t position) {
    KVASIR_TRY_ASSIGN(const auto x, reader.number<std::int32_t>());
    KVASIR_TRY_ASSIGN(const auto y, reader.number<std::int32_t>());
    KVASIR_TRY(reader.number<std::int32_t>().map([](std::int32_t) {}));
    if (x != position || y != position) return damaged_state("a cell is not one of text");
    return {};
}

Status read_cells(StateReader& reader, std::uint32_t count, CellNote note, Position cells_max,
                  StatePart& part) {
    // Before any allocation: what is claimed must be there.
    if (count > cells_max || reader.left() < count * cell_bytes(note))
        return damaged_state("it claims too many cells");
    std::vector<bool> seen(cells_max);
    part.positions.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        KVASIR_TRY_ASSIGN(const auto position, reader.number<std::int32_t>());
        KVASIR_TRY_ASSIGN(const auto sequences, reader.number<std::uint32_t>());
        if (note == CellNote::kPlane) KVASIR_TRY(read_note(reader, position));
        KVASIR_TRY(reader.number<std::int32_t>().map([](std::int32_t) {}));
        if (position < 0 || static_cast<Position>(position) >= cells_max)
            return damaged_state("a position is out of range");
        if (seen[static_cast<std::size_t>(position)]) return damaged_state("a position stands in it twice");
        if (sequences != 1) return damaged_state("a cell belongs to several sequences");
        seen[static_cast<std::size_t>(position)] = true;
        part.positions.push_back(static_cast<Position>(position));
    }
    return {};
}

Result<std::span<const std::byte>> read_rows(StateReader& reader, std::int32_t type, std::uint64_t row_bytes,
                                             std::uint64_t rows) {
    KVASIR_TRY_ASSIGN(const auto found_type, reader.number<std::int32_t>());
    KVASIR_TRY_ASSIGN(const auto found_bytes, reader.number<std::uint64_t>());
    if (found_type != type || found_bytes != row_bytes)
        return damaged_state("a layer has other rows than this model");
    return reader.bytes(row_bytes * rows);
}

Result<StatePart> read_part(StateReader& reader, const StateGeometry& geometry, CellNote note,
                            Position cells_max) {
    StatePart part;
    KVASIR_TRY_ASSIGN(const auto streams, reader.number<std::uint32_t>());
    if (streams != kStreams) return damaged_state("it has several streams");
    KVASIR_TRY_ASSIGN(const auto count, reader.number<std::uint32_t>());
    if (count == 0) return part;
    KVASIR_TRY(read_cells(reader, count, note, cells_max, part));
    KVASIR_TRY_ASSIGN(const auto transposed, reader.number<std::uint32_t>());
    if (transposed != 0) return damaged_state("its values are transposed");
    KVASIR_TRY_ASSIGN(const auto layers, reader.number<std::uint32_t>());
    if (layers != geometry.size()) return damaged_state("it has another number of layers than this model");
    for (const StateLayer& layer : geometry) {
        KVASIR_TRY_ASSIGN(const auto rows, read_rows(reader, layer.key_type, layer.key_row_bytes, count));
        part.keys.push_back(rows);
    }
    for (const StateLayer& layer : geometry) {
        std::span<const std::byte> rows;
        if (layer.value_row_bytes > 0) {
            KVASIR_TRY_ASSIGN(rows, read_rows(reader, layer.value_type, layer.value_row_bytes, count));
        }
        part.values.push_back(rows);
    }
    return part;
}

void put_part(StatePieces& image, const StateGeometry& geometry, CellNote note, TokenRange range,
              std::span<const std::byte> rows) {
    image.number(kStreams);
    image.number(std::uint32_t{range.size()});
    if (range.empty()) return;
    for (Position position = range.begin; position < range.end; ++position) {
        image.number(static_cast<std::int32_t>(position));
        image.number(std::uint32_t{1});
        if (note == CellNote::kPlane) {
            image.number(static_cast<std::int32_t>(position));
            image.number(static_cast<std::int32_t>(position));
            image.number(std::int32_t{0});
        }
        image.number(std::int32_t{0});
    }
    image.number(std::uint32_t{0});
    image.number(static_cast<std::uint32_t>(geometry.size()));
    std::uint64_t offset = 0;
    for (const StateLayer& layer : geometry) {
        image.number(layer.key_type);
        image.number(layer.key_row_bytes);
        image.refer(rows.subspan(offset, layer.key_row_bytes * range.size()));
        offset += (layer.key_row_bytes + layer.value_row_bytes) * range.size();
    }
    offset = 0;
    for (const StateLayer& layer : geometry) {
        offset += layer.key_row_bytes * range.size();
        if (layer.value_row_bytes == 0) continue;
        image.number(layer.value_type);
        image.number(layer.value_row_bytes);
        image.refer(rows.subspan(offset, layer.value_row_bytes * range.size()));
        offset += layer.value_row_bytes * range.size();
    }
}

StatePieces begun_state() {
    StatePieces image;
    image.number(kStateMagic);
    image.number(std::int32_t{0});
    return image;
}

Result<ParsedState> parse(StateReader reader, const StateGeometries& geometries, Position cells_max) {
    KVASIR_TRY_ASSIGN(const auto magic, reader.number<std::uint32_t>());
    if (magic != kStateMagic) return damaged_state("its magic number is wrong");
    KVASIR_TRY(reader.number<std::int32_t>().map([](std::int32_t) {}));
    ParsedState state;
    if (geometries.append != nullptr) {
        KVASIR_TRY_ASSIGN(state.append,
                          read_part(reader, *geometries.append, geometries.cell_note, cells_max));
    }
    if (geometries.window != nullptr) {
        KVASIR_TRY_ASSIGN(state.window,
                          read_part(reader, *geometries.window, geometries.cell_note, cells_max));
    }
    if (geometries.snapshot != nullptr) {
        KVASIR_TRY_ASSIGN(state.snapshot, read_snapshot_part(reader, *geometries.snapshot, cells_max));
    }
    if (!reader.at_end()) return damaged_state("bytes trail it");
    return state;
}

}  // namespace

std::uint64_t row_image_bytes(const StateGeometry& geometry, Position rows) {
    std::uint64_t bytes = 0;
    for (const StateLayer& layer : geometry) bytes += layer.key_row_bytes + layer.value_row_bytes;
    return bytes * rows;
}

std::uint64_t state_bytes_max(const StateGeometries& geometries, Position rows) {
    std::uint64_t bytes = kHeaderBytes;
    for (const StateGeometry* part : {geometries.append, geometries.window}) {
        if (part == nullptr) continue;
        bytes += kPartBytes + cell_bytes(geometries.cell_note) * rows + 2 * kLayerBytes * part->size() +
                 row_image_bytes(*part, rows);
    }
    if (geometries.snapshot != nullptr) bytes += snapshot_part_bytes_max(*geometries.snapshot);
    return bytes;
}

Result<ParsedState> parse_state(std::span<const std::byte> image, const StateGeometries& geometries,
                                Position cells_max) {
    return parse(StateReader(image), geometries, cells_max);
}

Result<ParsedState> parse_state(const StatePieces& image, const StateGeometries& geometries,
                                Position cells_max) {
    return parse(StateReader(image.pieces()), geometries, cells_max);
}

Status check_positions(const StatePart& part, TokenRange range) {
    if (part.positions.size() != range.size()) return damaged_state("it holds another number of rows");
    for (const Position position : part.positions) {
        if (position < range.begin || position >= range.end)
            return damaged_state("it holds rows of other positions");
    }
    return {};
}

StatePieces compose_state(const StateGeometries& geometries, FilledPart filled, TokenRange range,
                          std::span<const std::byte> rows) {
    StatePieces image = begun_state();
    const StateGeometry* full = filled == FilledPart::kAppend ? geometries.append : geometries.window;
    for (const StateGeometry* part : {geometries.append, geometries.window}) {
        if (part != nullptr)
            put_part(image, *part, geometries.cell_note, part == full ? range : TokenRange{}, rows);
    }
    if (geometries.snapshot != nullptr) put_snapshot_part(image, *geometries.snapshot, std::nullopt, {});
    image.finish();
    return image;
}

StatePieces compose_snapshot(const StateGeometries& geometries, Position end,
                             std::span<const std::byte> state) {
    StatePieces image = begun_state();
    for (const StateGeometry* part : {geometries.append, geometries.window}) {
        if (part != nullptr) put_part(image, *part, geometries.cell_note, {}, {});
    }
    put_snapshot_part(image, *geometries.snapshot, end, state);
    image.finish();
    return image;
}

StatePieces compose_opaque(std::span<const std::byte> state) {
    StatePieces image = begun_state();
    image.refer(state);
    image.finish();
    return image;
}

Status bytes_of_snapshot(const SnapshotState& snapshot, Position end, std::vector<std::byte>& state) {
    if (snapshot.end != end) return damaged_state("it is the state of another position");
    state.clear();
    for (const auto& piece : snapshot.pieces) state.insert(state.end(), piece.begin(), piece.end());
    return {};
}

}  // namespace kvasir
