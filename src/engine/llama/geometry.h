// The shape of a loaded model's KV state, read from llama.cpp's own description of the model.
//
// The public API does not tell which layers slide, nor their widths; this and memory_parts.h are the only
// files that look inside. What is said here is checked against a real state before the engine is used
// (layout_proof.h); what does not stand the check is described as opaque. Pure reads, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <llama.h>

#include "base/result.h"
#include "engine/kv_layout.h"
#include "engine/llama/memory_parts.h"
#include "engine/llama/state_image.h"

namespace kvasir {

struct ModelGeometry {
    StateGeometry append;
    StateGeometry window;                      // empty: no windows
    std::optional<SnapshotGeometry> snapshot;  // of recurrent layers
    CellNote cell_note = CellNote::kNone;
    std::uint32_t window_cells_each = 0;  // that a sequence's window takes of the pool
    KvLayout layout;                      // the same, in the project's terms
    // Name and value of everything about positions and shapes that the meaning of KV state depends on.
    std::vector<std::pair<std::string, std::string>> fingerprint_fields;
};

// kModelUnusable: what cannot answer token by token (encoders, diffusion).
Status check_family(const llama_model& model);
// Bytes of a token's append rows at least, before there is a context.
std::uint64_t least_row_bytes(const llama_model& model, ggml_type type_k, ggml_type type_v);

// nullopt: its state is one that this codec does not take apart.
std::optional<ModelGeometry> describe_geometry(const llama_model& model, const MemoryParts& parts,
                                               ggml_type type_k, ggml_type type_v);
// Of any model: all of its state is one piece.
ModelGeometry opaque_geometry(const llama_model& model, ggml_type type_k, ggml_type type_v);

}  // namespace kvasir
