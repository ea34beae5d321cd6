// Log probabilities out of logits. Engine thread (it reads the last decode's logits).
#pragma once

#include <cstdint>

#include "engine/engine.h"
#include "memory/turn_request.h"

namespace kvasir {

// Of `token`, and of the `top` most likely ones, before sampling options changed anything.
TokenLogprob logprob_of(const Engine& engine, std::size_t row, Token token, std::uint32_t top);

}  // namespace kvasir
