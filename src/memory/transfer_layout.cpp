#include "memory/transfer_layout.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/mac.h"
#include "memory/row_image.h"
#include "memory/token_chain.h"

namespace kvasir {

namespace {

class Builder {
  public:
    explicit Builder(TransferLayout& layout) : layout_(layout) {}

    void tokens(const char* name, TransferSlice::Source source, std::uint64_t count) {
        if (count == 0) return;
        layout_.tensors.push_back({name, "I32", {count}, count * sizeof(Token)});
        TransferSlice slice;
        slice.source = source;
        add(slice, count * sizeof(Token));
    }
    // One tensor over all units, which have rows of the same size.
    void rows(const TensorSpec& one_row, BlockKind kind, std::size_t part,
              const std::vector<TokenRange>& units) {
        TensorSpec tensor = one_row;
        tensor.name = path_of(tensor.name);
        tensor.shape.front() = 0;
        tensor.bytes = 0;
        for (std::size_t unit = 0; unit < units.size(); ++unit) {
            const std::uint64_t bytes = one_row.bytes * units[unit].size();
            tensor.shape.front() += units[unit].size();
            tensor.bytes += bytes;
            add_kv(kind, unit, part, bytes);
        }
        layout_.tensors.push_back(std::move(tensor));
    }
    void state(const std::vector<TensorSpec>& parts, std::size_t unit, Position end) {
        for (std::size_t part = 0; part < parts.size(); ++part) {
            TensorSpec tensor = parts[part];
            tensor.name = "snapshot_" + std::to_string(end) + "/" + path_of(tensor.name);
            add_kv(BlockKind::kSnapshot, unit, part, tensor.bytes);
            layout_.tensors.push_back(std::move(tensor));
        }
    }
    void macs() {
        layout_.macs_offset = offset_;
        const std::uint64_t size = Digest256{}.bytes.size();
        if (layout_.pieces > 0)
            layout_.tensors.push_back({kAgentFileMacs, "U8", {layout_.pieces, size}, layout_.pieces * size});
    }

  private:
    static std::string path_of(std::string name) {
        std::replace(name.begin(), name.end(), '.', '/');
        return name;
    }
    void add_kv(BlockKind kind, std::size_t unit, std::size_t part, std::uint64_t bytes) {
        auto& units = layout_.units[static_cast<std::size_t>(kind)];
        if (units.size() <= unit) units.resize(unit + 1);
        units[unit].push_back(layout_.slices.size());
        TransferSlice slice;
        slice.kind = kind;
        slice.unit = unit;
        slice.part = part;
        add(slice, bytes);
    }
    void add(TransferSlice slice, std::uint64_t bytes) {
        slice.offset = offset_;
        slice.bytes = bytes;
        slice.first_piece = layout_.pieces;
        layout_.pieces += piece_count(bytes);
        offset_ += bytes;
        layout_.slices.push_back(slice);
    }

    TransferLayout& layout_;
    std::uint64_t offset_ = 0;
};

}  // namespace

TransferLayout transfer_layout(const KvLayout& layout, const TransferContents& contents) {
    TransferLayout made;
    Builder builder(made);
    builder.tokens(kAgentFileTokens, TransferSlice::Source::kTokens, contents.tokens);
    builder.tokens(kAgentFileTurnTokens, TransferSlice::Source::kTurnTokens, contents.turn_tokens);
    if (layout.has_rows()) made.blocks = TokenChain::block_ranges(contents.cache_tokens);
    for (const Plane plane : {Plane::kAppend, Plane::kWindow}) {
        const std::vector<TokenRange>& units = plane == Plane::kAppend ? made.blocks : contents.windows;
        const std::vector<TensorSpec> one_row = tensors_of(layout, plane, 1);
        if (units.empty()) continue;
        for (std::size_t part = 0; part < one_row.size(); ++part)
            builder.rows(one_row[part], kind_of(plane), part, units);
    }
    for (std::size_t unit = 0; unit < contents.snapshots.size(); ++unit) {
        const StateInFile& state = contents.snapshots[unit];
        builder.state(tensors_of_snapshot(layout, state.bytes), unit, state.end);
    }
    builder.macs();
    return made;
}

std::uint64_t piece_count(std::uint64_t slice_bytes) {
    return (slice_bytes + kAgentFilePieceBytes - 1) / kAgentFilePieceBytes;
}

Digest256 piece_mac(Hmac256& mac, const Digest256& header_hash, std::uint64_t piece,
                    std::span<const std::byte> bytes) {
    std::array<std::byte, 8> number{};
    for (std::size_t i = 0; i < number.size(); ++i) number[i] = static_cast<std::byte>(piece >> (8 * i));
    return mac.of({std::as_bytes(std::span(header_hash.bytes)), number, bytes});
}

Digest256 export_key(const Digest256& tenant_salt) {
    return Sha256("kvasir.export-key.v1").field("tenant", tenant_salt).finish();
}

}  // namespace kvasir
