// Opens an Engine on llama.cpp. The only way from this project to llama.cpp. See engine.h for the contract.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "engine/engine.h"

namespace kvasir {

struct LlamaOptions {
    std::string model_path;
    Position context_tokens = 0;  // per sequence; 0: the model's own, at most kContextTokensDefaultMax
    std::uint32_t sequences = kAgentsResidentDefault;  // resident agents; scratch ids are added by the engine
    std::uint32_t kv_cells = 0;  // append cells of the pool; 0: context_tokens * sequences, bounded by memory
    std::uint32_t batch_tokens = 512;  // n_batch == n_ubatch
    std::uint32_t threads = 0;  // 0: one per core. 1: exact setting (bit-identical logits after any import)
    std::string kv_type_k = "f16";
    std::string kv_type_v = "f16";
    std::int32_t gpu_layers = 0;
    // Where the hash of the weights is remembered by device, inode, size, mtime, ctime; empty: hashed at
    // every start.
    std::string hash_cache_path;
    // 0: what the system and its cgroup have free. Tests set it to play a small machine.
    std::uint64_t memory_available_bytes = 0;
    std::uint64_t opening_bytes_max = 0;           // that it may take, whatever is free; 0: all
    std::function<void(float share)> on_progress;  // 0 to 1 while loading
    const std::atomic<bool>* cancelled = nullptr;  // looked at while the weights are loaded
};

// kModelUnusable: missing, truncated, not GGUF, a family that is not supported yet. kOutOfMemory: weights +
// pool + compute do not fit; the message has needed and available bytes and which flag to change. Nothing is
// allocated before that check.
Result<std::unique_ptr<Engine>> open_llama_engine(const LlamaOptions& options);
// The same errors, as far as they can be known without allocating anything for the model.
Status check_llama_engine(const LlamaOptions& options);

}  // namespace kvasir
