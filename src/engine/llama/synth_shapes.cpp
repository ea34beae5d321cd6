// The shapes, from the models' own published configurations.
#include <array>

#include "engine/synth_model.h"

namespace kvasir {

std::span<const ModelShape> known_shapes() {
    static constexpr std::array<ModelShape, 6> kShapes = {{
        {"qwen3-0.6b", "qwen3", 28, 1024, 3072, 16, 8, 128, 151'936, 40'960, 0, 0, 1e6F, false},
        {"llama3.2-1b", "llama", 16, 2048, 8192, 32, 8, 64, 128'256, 131'072, 0, 0, 5e5F, false},
        {"llama3.1-8b", "llama", 32, 4096, 14'336, 32, 8, 128, 128'256, 131'072, 0, 0, 5e5F, true},
        {"gemma3-1b", "gemma3", 26, 1152, 6912, 4, 1, 256, 262'144, 32'768, 512, 6, 1e6F, false},
        {"gemma3-4b", "gemma3", 34, 2560, 10'240, 8, 4, 256, 262'144, 131'072, 1024, 6, 1e6F, false},
        {"gemma3-12b", "gemma3", 48, 3840, 15'360, 16, 8, 256, 262'144, 131'072, 1024, 6, 1e6F, false},
    }};
    return kShapes;
}

}  // namespace kvasir
