// In which chunks the tokens of a prompt that a resident agent's sequence lacks are evaluated. Where chunks
// end depends on the first position and the prompt only, so that an agent that was restored evaluates what
// one that never stopped does.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "memory/resident_agent.h"

namespace kvasir {

std::vector<TokenRange> plan_chunks(TokenRange range, std::uint32_t batch_tokens,
                                    std::vector<Position> split_at);

bool is_cancelled(const std::atomic<bool>* cancelled);

// Exports window rows and state at the end of the agent's rows. A failure costs no more than this point: the
// save tells.
void capture_boundary(Engine& engine, ResidentAgent& agent);

}  // namespace kvasir
