// A reused llama_batch: rows go in, llama_decode takes it. Owned by the engine, its thread only.
#pragma once

#include <cstddef>

#include <llama.h>

#include "engine/engine.h"

namespace kvasir {

class LlamaBatch {
  public:
    explicit LlamaBatch(std::size_t rows_max)
        : batch_(llama_batch_init(static_cast<std::int32_t>(rows_max), 0, 1)) {}
    ~LlamaBatch() { llama_batch_free(batch_); }
    LlamaBatch(const LlamaBatch&) = delete;
    LlamaBatch& operator=(const LlamaBatch&) = delete;

    void clear() { batch_.n_tokens = 0; }
    void add(const BatchRow& row) {
        const std::int32_t i = batch_.n_tokens++;
        batch_.token[i] = row.token;
        batch_.pos[i] = static_cast<llama_pos>(row.position);
        batch_.n_seq_id[i] = 1;
        batch_.seq_id[i][0] = static_cast<llama_seq_id>(row.sequence);
        batch_.logits[i] = row.wants_logits ? 1 : 0;
    }
    const llama_batch& get() const { return batch_; }

  private:
    llama_batch batch_;
};

}  // namespace kvasir
