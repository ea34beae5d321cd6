// Writes models of random weights with the true shapes of known ones, for measuring: time depends on shapes
// and types, not on what the weights say. The tokenizer and the chat template are those of a given model,
// filled up with unused tokens to the true size of the vocabulary.
//
// What such a model answers is words at random, never an end of turn: every answer has the length that was
// asked for. Any thread; nothing is kept.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kvasir {

struct ModelShape {
    std::string_view name;
    std::string_view architecture;  // as GGUF calls it
    std::uint32_t layers = 0;
    std::uint32_t width = 0;
    std::uint32_t feed_forward_width = 0;
    std::uint32_t heads = 0;
    std::uint32_t kv_heads = 0;
    std::uint32_t head_width = 0;
    std::uint32_t vocabulary = 0;
    std::uint32_t context_tokens = 0;
    std::uint32_t window_tokens = 0;   // 0: all layers are global
    std::uint32_t window_pattern = 0;  // every so manyth layer is global
    float rope_base = 10'000.0F;
    bool has_own_output = false;  // else the embedding is the output's matrix, too
};

std::span<const ModelShape> known_shapes();

struct SynthOptions {
    std::string shape;             // of known_shapes()
    std::string type = "q4_0";     // of the matrices: f16, q8_0, q4_0
    std::string tokenizer_path;    // a GGUF whose tokenizer and template are taken
    std::string output_path;       // must not exist
    std::uint32_t layers = 0;      // 0: all of the shape
    std::uint32_t vocabulary = 0;  // 0: that of the shape
};

struct SynthReport {
    std::uint64_t parameters = 0;
    std::uint64_t bytes = 0;
};

// kInvalidArgument: an unknown shape or type, with those there are; kConflict: the file exists;
// kModelUnusable: no tokenizer there. A file that could not be finished is removed.
Result<SynthReport> write_synth_model(const SynthOptions& options);

}  // namespace kvasir
