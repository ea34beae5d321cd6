// Evaluates the tokens of a prompt that a resident agent's sequence lacks, in chunks. Where chunks end
// depends on the first position and the prompt only, so that an agent that was restored evaluates what one
// that never stopped does.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "memory/resident_agent.h"

namespace kvasir {

// Engine::decode, or one that makes place when cells run out.
using DecodeFunction = std::function<Status(std::span<const BatchRow> rows)>;

std::vector<TokenRange> plan_chunks(TokenRange range, std::uint32_t batch_tokens,
                                    std::vector<Position> split_at);

enum class LastLogits { kNo, kYes };

struct PrefillRequest {
    std::span<const Token> tokens;     // from position 0
    std::vector<Position> boundaries;  // window rows are captured there; on windowed models chunks end there
    LastLogits last_logits = LastLogits::kYes;
    const std::atomic<bool>* cancelled = nullptr;
    std::function<void(Position done, Position total)> on_progress;
};

bool is_cancelled(const std::atomic<bool>* cancelled);

// Exports window rows at the end of the agent's rows. A failure costs no more than the boundary: the save
// tells.
void capture_boundary(Engine& engine, ResidentAgent& agent);

// Index of the row of the last decode that wanted logits. kCancelled between chunks. Rows that were evaluated
// stay.
Result<std::size_t> prefill(Engine& engine, ResidentAgent& agent, const PrefillRequest& request,
                            const DecodeFunction& decode);

}  // namespace kvasir
