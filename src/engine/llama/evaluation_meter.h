// The rows that llama.cpp itself says it evaluated (llama_perf), from 0 on. Owned by the engine, its thread
// only.
#pragma once

#include <cstdint>

#include <llama.h>

#include "engine/engine.h"

namespace kvasir {

class EvaluationMeter {
  public:
    // Forgets what was evaluated so far.
    void restart(llama_context& context);
    EvaluationCounters read(llama_context& context) const;
    // While there is no context: `leave` before it goes.
    void leave(llama_context& context);
    EvaluationCounters read() const;
    // llama.cpp counts the rows of a batch before it looks for cells: takes those of a refused batch out
    // again.
    void discount(std::uint64_t rows) { refused_rows_ += rows; }
    // llama.cpp counts in 32 bits: called after every batch, this carries them over into 64 in time.
    void carry(llama_context& context);

  private:
    EvaluationCounters without_refused(EvaluationCounters counters) const;

    EvaluationCounters carried_;
    std::uint64_t refused_rows_ = 0;
    std::uint32_t calls_since_carry_ = 0;
};

}  // namespace kvasir
