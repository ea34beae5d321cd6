// The same prompt cold: every token evaluated in a fresh sequence, no memory involved. The measure that
// restores are held against, really done and not assumed. Needs a free sequence in the engine
// (SessionOptions::sequences_extra).
#pragma once

#include <string>

#include "base/result.h"
#include "base/tokens.h"
#include "engine/engine.h"

namespace kvasir {

struct ColdRun {
    double first_token_ms = 0;
    std::string text;  // greedy, as many tokens as asked for
};

Result<ColdRun> run_cold(Engine& engine, std::span<const Token> prompt, std::uint32_t answer_tokens_max);

}  // namespace kvasir
