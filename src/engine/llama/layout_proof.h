// Evaluates two tokens in a fresh context and sees whether its state is what a geometry says. Before the
// engine is used; leaves the context empty.
#pragma once

#include <llama.h>

#include "base/result.h"
#include "engine/llama/geometry.h"

namespace kvasir {

// scratch: the sequence id that the engine keeps for itself. kDamaged says in what the state differs;
// kModelUnusable: the model cannot be evaluated.
Status prove_layout(llama_context& context, const ModelGeometry& geometry, llama_seq_id scratch);

}  // namespace kvasir
