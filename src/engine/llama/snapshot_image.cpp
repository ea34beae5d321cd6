#include "engine/llama/snapshot_image.h"

namespace kvasir {

namespace {

constexpr std::size_t kCellBytes = 8;    // position, 0
constexpr std::size_t kPartBytes = 12;   // cells, transposed, layers
constexpr std::size_t kLayerBytes = 12;  // type, bytes; once for inputs and once for states

Result<std::span<const std::byte>> read_piece(StateReader& reader, std::int32_t type, std::uint64_t bytes,
                                              std::uint32_t cells) {
    KVASIR_TRY_ASSIGN(const auto found_type, reader.number<std::int32_t>());
    KVASIR_TRY_ASSIGN(const auto found_bytes, reader.number<std::uint64_t>());
    if (found_type != type || found_bytes != bytes)
        return damaged_state("a recurrent layer has another state than this model");
    return reader.bytes(bytes * cells);
}

void put_piece(StatePieces& image, std::int32_t type, std::uint64_t bytes, std::span<const std::byte> piece) {
    image.number(type);
    image.number(bytes);
    image.refer(piece);
}

}  // namespace

std::uint64_t SnapshotGeometry::bytes() const {
    std::uint64_t sum = 0;
    for (const SnapshotLayer& layer : layers) sum += layer.inputs_bytes + layer.state_bytes;
    return sum;
}

std::uint64_t snapshot_part_bytes_max(const SnapshotGeometry& geometry) {
    return kPartBytes + kCellBytes + 2 * kLayerBytes * geometry.layers.size() + geometry.bytes();
}

Result<SnapshotState> read_snapshot_part(StateReader& reader, const SnapshotGeometry& geometry,
                                         Position positions_max) {
    SnapshotState state;
    KVASIR_TRY_ASSIGN(const auto cells, reader.number<std::uint32_t>());
    if (cells > 1) return damaged_state("it holds several states of one sequence");
    if (cells == 1) {
        KVASIR_TRY_ASSIGN(const auto position, reader.number<std::int32_t>());
        KVASIR_TRY_ASSIGN(const auto sequences, reader.number<std::uint32_t>());
        if (position < 0 || static_cast<Position>(position) >= positions_max)
            return damaged_state("a state's position is out of range");
        if (sequences != 0) return damaged_state("a state belongs to several sequences");
        state.end = static_cast<Position>(position) + 1;
    }
    KVASIR_TRY_ASSIGN(const auto transposed, reader.number<std::uint32_t>());
    if (transposed != 0) return damaged_state("its states are transposed");
    KVASIR_TRY_ASSIGN(const auto layers, reader.number<std::uint32_t>());
    if (layers != geometry.model_layers)
        return damaged_state("it has another number of layers than this model");
    for (const SnapshotLayer& layer : geometry.layers) {
        KVASIR_TRY_ASSIGN(const auto piece, read_piece(reader, layer.inputs_type, layer.inputs_bytes, cells));
        state.pieces.push_back(piece);
    }
    for (const SnapshotLayer& layer : geometry.layers) {
        KVASIR_TRY_ASSIGN(const auto piece, read_piece(reader, layer.state_type, layer.state_bytes, cells));
        state.pieces.push_back(piece);
    }
    return state;
}

void put_snapshot_part(StatePieces& image, const SnapshotGeometry& geometry, std::optional<Position> end,
                       std::span<const std::byte> bytes) {
    image.number(std::uint32_t{end ? 1U : 0U});
    if (end) {
        image.number(static_cast<std::int32_t>(*end - 1));
        image.number(std::uint32_t{0});
    }
    image.number(std::uint32_t{0});
    image.number(geometry.model_layers);
    std::uint64_t offset = 0;
    const auto next = [&](std::uint64_t size) {
        const auto piece = end ? bytes.subspan(offset, size) : std::span<const std::byte>();
        offset += size;
        return piece;
    };
    for (const SnapshotLayer& layer : geometry.layers)
        put_piece(image, layer.inputs_type, layer.inputs_bytes, next(layer.inputs_bytes));
    for (const SnapshotLayer& layer : geometry.layers)
        put_piece(image, layer.state_type, layer.state_bytes, next(layer.state_bytes));
}

}  // namespace kvasir
