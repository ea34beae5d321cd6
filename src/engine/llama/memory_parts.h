// Which kind of memory a llama.cpp context has, and its parts: rows per token, and the state of recurrent
// layers.
//
// The public API treats a hybrid memory as one: copying rows of a range would copy the state along. The parts
// can be told apart only through llama.cpp's own classes; this is the one place that knows them. Pure reads.
#pragma once

#include <llama.h>

struct llama_memory_i;
class llama_memory_recurrent;

namespace kvasir {

enum class MemoryFamily {
    kNone,          // no memory at all: encoders, diffusion
    kRows,          // attention, plain or with windows
    kRowsAndState,  // hybrid
    kState,         // recurrent
    kOpaque,        // anything else
};

struct MemoryParts {
    MemoryFamily family = MemoryFamily::kNone;
    llama_memory_i* rows = nullptr;
    llama_memory_recurrent* state = nullptr;
};

MemoryParts memory_parts(llama_memory_t memory);

}  // namespace kvasir
