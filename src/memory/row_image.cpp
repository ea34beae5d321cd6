#include "memory/row_image.h"

#include <cassert>
#include <string>
#include <string_view>
#include <utility>

#include "base/limits.h"

namespace kvasir {

namespace {

struct ElementType {
    const char* dtype;
    std::uint64_t bytes;
};

// Quantised rows are bytes to safetensors.
ElementType element_type(std::string_view ggml_type) {
    if (ggml_type == "f16") return {"F16", 2};
    if (ggml_type == "bf16") return {"BF16", 2};
    if (ggml_type == "f32") return {"F32", 4};
    return {"U8", 1};
}

TensorSpec tensor(std::string name, std::string_view ggml_type, std::uint64_t row_bytes, Position rows) {
    const ElementType element = element_type(ggml_type);
    return {std::move(name), element.dtype, {rows, row_bytes / element.bytes}, row_bytes * rows};
}

std::string type_of(const KvLayout& layout, Plane plane, std::string KvLayer::*type) {
    const std::vector<KvLayer>& layers = layout.layers(plane);
    return layers.empty() ? std::string() : layers.front().*type;
}

}  // namespace

BlockKind kind_of(Plane plane) { return plane == Plane::kAppend ? BlockKind::kAppend : BlockKind::kWindow; }

Plane plane_of(BlockKind kind) {
    assert(kind != BlockKind::kSnapshot);
    return kind == BlockKind::kAppend ? Plane::kAppend : Plane::kWindow;
}

std::vector<TensorSpec> tensors_of(const KvLayout& layout, Plane plane, Position rows) {
    std::vector<TensorSpec> tensors;
    for (const KvLayer& layer : layout.layers(plane)) {
        const std::string name = "layer_" + std::to_string(layer.index);
        tensors.push_back(tensor(name + ".key", layer.key_type, layer.key_row_bytes, rows));
        if (layer.value_row_bytes == 0) continue;
        tensors.push_back(tensor(name + ".value", layer.value_type, layer.value_row_bytes, rows));
    }
    return tensors;
}

std::vector<TensorSpec> tensors_of_snapshot(const KvLayout& layout, std::uint64_t state_bytes) {
    if (layout.snapshot_form == SnapshotForm::kOpaque) return {{"state", "U8", {state_bytes}, state_bytes}};
    std::vector<TensorSpec> tensors;
    for (const SnapshotPart& part : layout.snapshot)
        tensors.push_back({part.name, "F32", {1, part.bytes / sizeof(float)}, part.bytes});
    return tensors;
}

BlockIdentity snapshot_identity(const BlockName& end_name, Position end, std::uint64_t state_bytes) {
    const Position begin = (end - 1) / kBlockTokens * kBlockTokens;
    return {BlockKind::kSnapshot, snapshot_name(end_name), end_name, {begin, end}, state_bytes};
}

BlockSpec make_block_spec(const KvContext& context, const BlockIdentity& identity,
                          std::span<const Token> tokens) {
    const KvLayout& layout = context.layout();
    BlockSpec spec;
    spec.kind = identity.kind;
    spec.name = identity.name;
    spec.parent = identity.parent;
    spec.fingerprint = context.root.fingerprint;
    spec.range = identity.range;
    spec.tokens.assign(tokens.begin(), tokens.end());
    if (identity.kind == BlockKind::kSnapshot) {
        spec.tensors = tensors_of_snapshot(layout, identity.state_bytes);
        return spec;
    }
    const Plane plane = plane_of(identity.kind);
    spec.kv_type_k = type_of(layout, plane, &KvLayer::key_type);
    spec.kv_type_v = type_of(layout, plane, &KvLayer::value_type);
    spec.tensors = tensors_of(layout, plane, identity.range.size());
    return spec;
}

}  // namespace kvasir
