// The shape of a loaded model's KV rows, read from llama.cpp's own description of the model.
//
// The public API does not tell which layers slide, nor their widths; this is the only file that looks inside.
// What it says is checked against a real exported state when the engine opens. Pure reads, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <llama.h>

#include "base/result.h"
#include "engine/kv_layout.h"
#include "engine/llama/state_image.h"

namespace kvasir {

struct ModelGeometry {
    StateGeometry append;
    StateGeometry window;  // empty: no sliding windows
    KvLayout layout;       // the same, in the project's terms
    // Name and value of everything about positions and shapes that the meaning of a KV row depends on.
    std::vector<std::pair<std::string, std::string>> fingerprint_fields;
};

// kModelUnusable for families whose state is more than rows per token (recurrent, hybrid, encoders, MLA,
// M-RoPE).
Result<ModelGeometry> describe_geometry(const llama_model& model, ggml_type type_k, ggml_type type_v);

}  // namespace kvasir
