#include "engine/llama/geometry.h"

#include <cstdlib>
#include <set>

#include <fmt/format.h>
// Internal headers of the pinned engine: hparams, and the tensors of recurrent layers.
#include <llama-memory-recurrent.h>
#include <llama-model.h>

namespace kvasir {

namespace {

tl::unexpected<Error> unsupported(const llama_model& model, const char* why) {
    return fail(ErrorCode::kModelUnusable,
                fmt::format("{} models {}: take one that answers token by token", model.arch_name(), why));
}

StateLayer state_layer(const llama_hparams& hparams, std::uint32_t layer, ggml_type type_k,
                       ggml_type type_v) {
    // MLA keeps values inside the key rows.
    const std::uint64_t value_bytes =
        hparams.is_mla() ? 0 : ggml_row_size(type_v, hparams.n_embd_v_gqa(layer));
    return {static_cast<std::int32_t>(type_k), ggml_row_size(type_k, hparams.n_embd_k_gqa(layer)),
            static_cast<std::int32_t>(type_v), value_bytes};
}

std::string geometry_text(const llama_hparams& hparams) {
    std::string text = fmt::format("layers {}", hparams.n_layer());
    for (std::uint32_t layer = 0; layer < hparams.n_layer(); ++layer) {
        if (!hparams.has_kv(layer)) continue;
        text += fmt::format(" {}{}:{}/{}", layer, hparams.is_swa(layer) ? "w" : "",
                            hparams.n_embd_k_gqa(layer), hparams.n_embd_v_gqa(layer));
    }
    return text;
}

std::string rope_text(const llama_hparams& hparams) {
    return fmt::format(
        "type {} base {} scale {} swa_base {} swa_scale {} scaling {} yarn {} {} {} {} orig {}",
        static_cast<int>(hparams.rope_type), hparams.rope_freq_base_train, hparams.rope_freq_scale_train,
        hparams.rope_freq_base_train_swa, hparams.rope_freq_scale_train_swa,
        static_cast<int>(hparams.rope_scaling_type_train), hparams.yarn_ext_factor, hparams.yarn_attn_factor,
        hparams.yarn_beta_fast, hparams.yarn_beta_slow, hparams.n_ctx_orig_yarn);
}

// llama.cpp rotates quantised rows when all heads of a cache have one size, a multiple of 64, and this
// variable does not say no. The rows do not record it, and rows that were rotated mean nothing where they are
// not.
std::string rotation_text(const llama_hparams& hparams, Plane plane, ggml_type type_k, ggml_type type_v) {
    const char* disabled = std::getenv("LLAMA_ATTN_ROT_DISABLE");
    const bool allowed = disabled == nullptr || std::atoi(disabled) == 0;
    std::set<std::uint32_t> key_heads;
    std::set<std::uint32_t> value_heads;
    for (std::uint32_t layer = 0; layer < hparams.n_layer(); ++layer) {
        if (!hparams.has_kv(layer) || hparams.is_swa(layer) != (plane == Plane::kWindow)) continue;
        key_heads.insert(hparams.n_embd_head_k(layer));
        value_heads.insert(hparams.n_embd_head_v(layer));
    }
    const bool keys =
        allowed && ggml_is_quantized(type_k) && key_heads.size() == 1 && hparams.n_embd_head_k() % 64 == 0;
    const bool values =
        allowed && ggml_is_quantized(type_v) && value_heads.size() == 1 && hparams.n_embd_head_v() % 64 == 0;
    return fmt::format("k {} v {}", keys ? "on" : "off", values ? "on" : "off");
}

// The layers that have rows, as llama.cpp chooses them when it makes a model's memory.
bool has_rows(const llama_model& model, MemoryFamily family, std::uint32_t layer) {
    const llama_hparams& hparams = model.hparams;
    if (!hparams.has_kv(layer)) return false;
    if (family != MemoryFamily::kRowsAndState || model.arch == LLM_ARCH_FALCON_H1) return true;
    if (model.arch == LLM_ARCH_NEMOTRON_H || model.arch == LLM_ARCH_NEMOTRON_H_MOE)
        return !hparams.is_recr(layer) && hparams.n_ff(layer) == 0;
    return !hparams.is_recr(layer);
}

void add_rows(const llama_model& model, MemoryFamily family, ggml_type type_k, ggml_type type_v,
              ModelGeometry& geometry) {
    const llama_hparams& hparams = model.hparams;
    for (std::uint32_t layer = 0; layer < hparams.n_layer(); ++layer) {
        if (!has_rows(model, family, layer)) continue;
        const StateLayer state = state_layer(hparams, layer, type_k, type_v);
        const KvLayer kv{layer, ggml_type_name(type_k), ggml_type_name(type_v), state.key_row_bytes,
                         state.value_row_bytes};
        const bool slides = hparams.swa_type != LLAMA_SWA_TYPE_NONE && hparams.is_swa(layer);
        (slides ? geometry.window : geometry.append).push_back(state);
        (slides ? geometry.layout.window : geometry.layout.append).push_back(kv);
    }
    geometry.cell_note = hparams.n_pos_per_embd() > 1 ? CellNote::kPlane : CellNote::kNone;
}

// false: a window of another shape.
bool add_window_shape(const llama_hparams& hparams, ModelGeometry& geometry) {
    if (geometry.window.empty()) return true;
    KvLayout& layout = geometry.layout;
    geometry.window_cells_each = hparams.n_swa;
    if (hparams.swa_type == LLAMA_SWA_TYPE_CHUNKED && hparams.n_swa > 0) {
        layout.window_tokens = hparams.n_swa;
        layout.window_shape = WindowShape::kChunked;
        return true;
    }
    if (hparams.swa_type != LLAMA_SWA_TYPE_STANDARD || hparams.n_swa < 2) return false;
    // A token sees itself and n_swa - 1 before it. llama.cpp may keep one row more, but gives its cell away
    // as soon as another agent needs one.
    layout.window_tokens = hparams.n_swa - 1;
    return true;
}

// false: states of another kind than two F32 tensors per layer.
bool add_states(const llama_hparams& hparams, const llama_memory_recurrent& memory, ModelGeometry& geometry) {
    SnapshotGeometry snapshot;
    snapshot.model_layers = hparams.n_layer();
    std::vector<SnapshotPart> inputs;
    std::vector<SnapshotPart> states;
    for (std::uint32_t layer = 0; layer < hparams.n_layer(); ++layer) {
        const ggml_tensor* r = memory.r_l[layer];
        const ggml_tensor* s = memory.s_l[layer];
        if (r == nullptr && s == nullptr) continue;
        if (r == nullptr || s == nullptr || memory.p_l[layer] != nullptr || r->type != GGML_TYPE_F32 ||
            s->type != GGML_TYPE_F32)
            return false;
        const SnapshotLayer described{r->type, ggml_row_size(r->type, hparams.n_embd_r()), s->type,
                                      ggml_row_size(s->type, hparams.n_embd_s())};
        snapshot.layers.push_back(described);
        if (described.inputs_bytes > 0)
            inputs.push_back({fmt::format("layer_{}.r", layer), described.inputs_bytes});
        if (described.state_bytes > 0)
            states.push_back({fmt::format("layer_{}.s", layer), described.state_bytes});
    }
    geometry.layout.snapshot_form = SnapshotForm::kParts;
    geometry.layout.snapshot = std::move(inputs);
    geometry.layout.snapshot.insert(geometry.layout.snapshot.end(), states.begin(), states.end());
    geometry.snapshot = std::move(snapshot);
    return true;
}

std::string snapshot_text(const KvLayout& layout) {
    if (layout.snapshot_form == SnapshotForm::kOpaque) return "opaque";
    std::string text = "parts";
    for (const SnapshotPart& part : layout.snapshot) text += fmt::format(" {}:{}", part.name, part.bytes);
    return text;
}

void add_fingerprint_fields(const llama_model& model, ggml_type type_k, ggml_type type_v,
                            ModelGeometry& geometry) {
    const llama_hparams& hparams = model.hparams;
    geometry.fingerprint_fields = {
        {"architecture", model.arch_name()},
        {"geometry", geometry_text(hparams)},
        {"window", fmt::format("{} type {}", hparams.n_swa, static_cast<int>(hparams.swa_type))},
        {"rope", rope_text(hparams)},
        {"kv_type_k", ggml_type_name(type_k)},
        {"kv_type_v", ggml_type_name(type_v)},
        {"kv_rotation", rotation_text(hparams, Plane::kAppend, type_k, type_v)},
        {"kv_rotation_window", rotation_text(hparams, Plane::kWindow, type_k, type_v)}};
    // Only where there is one: the fingerprints of models without snapshots stay what they were.
    if (geometry.layout.has_snapshot())
        geometry.fingerprint_fields.emplace_back("snapshot", snapshot_text(geometry.layout));
}

}  // namespace

Status check_family(const llama_model& model) {
    if (llama_model_has_encoder(&model) || !llama_model_has_decoder(&model))
        return unsupported(model, "have an encoder");
    if (llama_model_is_diffusion(&model)) return unsupported(model, "do not generate token by token");
    return {};
}

std::uint64_t least_row_bytes(const llama_model& model, ggml_type type_k, ggml_type type_v) {
    if (llama_model_is_recurrent(&model)) return 0;
    ModelGeometry geometry;
    add_rows(model, llama_model_is_hybrid(&model) ? MemoryFamily::kRowsAndState : MemoryFamily::kRows, type_k,
             type_v, geometry);
    return geometry.layout.row_bytes(Plane::kAppend);
}

std::optional<ModelGeometry> describe_geometry(const llama_model& model, const MemoryParts& parts,
                                               ggml_type type_k, ggml_type type_v) {
    ModelGeometry geometry;
    if (parts.family == MemoryFamily::kOpaque || parts.family == MemoryFamily::kNone) return std::nullopt;
    if (model.hparams.ple_n_heads > 0) return std::nullopt;  // cells hold the tokens, too
    if (parts.rows != nullptr) add_rows(model, parts.family, type_k, type_v, geometry);
    if (parts.rows != nullptr && geometry.append.empty()) return std::nullopt;  // windows alone
    if (!add_window_shape(model.hparams, geometry)) return std::nullopt;
    if (parts.state != nullptr && !add_states(model.hparams, *parts.state, geometry)) return std::nullopt;
    add_fingerprint_fields(model, type_k, type_v, geometry);
    return geometry;
}

ModelGeometry opaque_geometry(const llama_model& model, ggml_type type_k, ggml_type type_v) {
    ModelGeometry geometry;
    geometry.layout.snapshot_form = SnapshotForm::kOpaque;
    add_fingerprint_fields(model, type_k, type_v, geometry);
    return geometry;
}

}  // namespace kvasir
