// Will it fit? Asked before a byte is allocated, so that a model that does not fit gives a sentence and not
// an OOM kill.
#pragma once

#include <cstdint>

#include <llama.h>

#include "base/result.h"

namespace kvasir {

struct MemoryNeed {
    std::uint64_t weights_bytes = 0;
    std::uint64_t kv_pool_bytes = 0;
    std::uint64_t compute_bytes = 0;
    std::uint64_t bookkeeping_bytes = 0;  // what the engine notes about each cell
    std::uint64_t total() const;          // with some room for everything that is not the engine's
};

// What `cells` KV cells take at least, by arithmetic alone: the dry run below already makes the bookkeeping
// of every cell, and must not be asked about more of them than there is memory for.
MemoryNeed least_memory(std::uint64_t cells, std::uint64_t row_bytes);

// What these parameters would take in host memory, by a dry run of the loader that allocates nothing.
// kModelUnusable when the loader refuses the model; the message says why.
Result<MemoryNeed> predict_memory(const char* model_path, const llama_model_params& model_params,
                                  const llama_context_params& context_params);

// 0 bytes available means: not known, so nothing is refused.
// kOutOfMemory with needed and available bytes and what to change.
Status check_memory(const MemoryNeed& need, std::uint64_t available_bytes);

}  // namespace kvasir
