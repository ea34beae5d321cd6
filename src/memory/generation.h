// Samples an answer token by token. The last token is not evaluated: KV covers all tokens but that one.
// Engine thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "memory/agent_memory.h"
#include "memory/prefill.h"
#include "memory/resident_agent.h"

namespace kvasir {

struct Answer {
    std::vector<Token> tokens;  // with the end-of-turn token, if it came
    std::string text;           // without special tokens, valid UTF-8
    std::string finish_reason;
};

struct GenerationRequest {
    std::size_t first_row = 0;     // of the last decode: its logits give the first token
    std::uint32_t tokens_max = 1;  // at least 1
    std::function<void()> on_first_token;
};

// kCancelled only when not one token came.
Result<Answer> generate(Engine& engine, ResidentAgent& agent, const MessageOptions& options,
                        const GenerationRequest& request, const DecodeFunction& decode);

}  // namespace kvasir
