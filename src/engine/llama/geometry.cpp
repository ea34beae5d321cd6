#include "engine/llama/geometry.h"

#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <llama-model.h>  // internal header of the pinned engine: hparams

namespace kvasir {

namespace {

tl::unexpected<Error> unsupported(const std::string& architecture, const char* why) {
    return fail(
        ErrorCode::kModelUnusable,
        fmt::format("{} models {}: this version restores models with plain and sliding-window attention only",
                    architecture, why));
}

StateLayer state_layer(const llama_hparams& hparams, std::uint32_t layer, ggml_type type_k,
                       ggml_type type_v) {
    return {static_cast<std::int32_t>(type_k), ggml_row_size(type_k, hparams.n_embd_k_gqa(layer)),
            static_cast<std::int32_t>(type_v), ggml_row_size(type_v, hparams.n_embd_v_gqa(layer))};
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

}  // namespace

Result<ModelGeometry> describe_geometry(const llama_model& model, ggml_type type_k, ggml_type type_v) {
    const llama_hparams& hparams = model.hparams;
    const std::string architecture = model.arch_name();
    if (llama_model_is_recurrent(&model) || llama_model_is_hybrid(&model)) {
        return unsupported(architecture, "keep a recurrent state");
    }
    if (llama_model_has_encoder(&model) || !llama_model_has_decoder(&model))
        return unsupported(architecture, "have an encoder");
    if (llama_model_is_diffusion(&model)) return unsupported(architecture, "do not generate token by token");
    if (hparams.is_mla()) return unsupported(architecture, "compress their values (MLA)");
    if (hparams.n_pos_per_embd() != 1)
        return unsupported(architecture, "have more than one position per token");
    ModelGeometry geometry;
    for (std::uint32_t layer = 0; layer < hparams.n_layer(); ++layer) {
        if (!hparams.has_kv(layer)) continue;
        const StateLayer state = state_layer(hparams, layer, type_k, type_v);
        const KvLayer kv{layer, ggml_type_name(type_k), ggml_type_name(type_v), state.key_row_bytes,
                         state.value_row_bytes};
        const bool slides = hparams.is_swa(layer);
        (slides ? geometry.window : geometry.append).push_back(state);
        (slides ? geometry.layout.window : geometry.layout.append).push_back(kv);
    }
    if (geometry.append.empty()) return unsupported(architecture, "have no layer with full attention");
    if (!geometry.window.empty()) {
        if (hparams.swa_type != LLAMA_SWA_TYPE_STANDARD || hparams.n_swa < 2) {
            return unsupported(architecture, "attend to chunks instead of sliding windows");
        }
        // A token sees itself and n_swa - 1 before it. llama.cpp may keep one row more, but gives its cell
        // away as soon as another agent needs one.
        geometry.layout.window_tokens = hparams.n_swa - 1;
    }
    geometry.fingerprint_fields = {
        {"architecture", architecture},
        {"geometry", geometry_text(hparams)},
        {"window", fmt::format("{} type {}", hparams.n_swa, static_cast<int>(hparams.swa_type))},
        {"rope", rope_text(hparams)},
        {"kv_type_k", ggml_type_name(type_k)},
        {"kv_type_v", ggml_type_name(type_v)},
        {"kv_rotation", rotation_text(hparams, Plane::kAppend, type_k, type_v)},
        {"kv_rotation_window", rotation_text(hparams, Plane::kWindow, type_k, type_v)}};
    return geometry;
}

}  // namespace kvasir
