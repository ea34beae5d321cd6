// A conversation that is too long for the context, without its oldest turns: the system messages stay, what
// is left out is told. Reads the engine's text functions only.
#pragma once

#include <span>

#include "memory/prompt.h"

namespace kvasir {

struct FittedPrompt {
    Prompt prompt;
    std::uint32_t turns_dropped = 0;  // messages of users, with what follows each
};

// As few as possible are left out for `tokens_max` to hold the prompt, all but the newest at most.
Result<FittedPrompt> fit_prompt(const Engine& engine, const Conversation& conversation,
                                std::span<const ChatMessage> added, Thinking thinking, Position tokens_max);

}  // namespace kvasir
