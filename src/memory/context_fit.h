// A conversation that is too long for the context, without its oldest turns: the system messages stay, what
// is left out is told. How many are is settled by the conversation alone, with room for a message like the
// last one, so that what stays can be read before the message comes. Reads the engine's text functions only.
#pragma once

#include <span>
#include <vector>

#include "memory/prompt.h"

namespace kvasir {

struct FittedPrompt {
    Prompt prompt;
    std::uint32_t turns_dropped = 0;  // messages of users, with what follows each
};

// A quarter of the context is left free for what comes, so that not every turn has to leave something out;
// all but the newest turn at most goes. More than the conversation settles, when the new messages are longer
// than it expects.
Result<FittedPrompt> fit_prompt(const Engine& engine, const Conversation& conversation,
                                std::span<const ChatMessage> added, Thinking thinking);

// What every such prompt begins with, whatever the next message will be.
Result<std::vector<Token>> kept_tokens(const Engine& engine, const Conversation& conversation,
                                       Thinking thinking);

// Of an answer, what the prompt has to leave room for.
Position answer_allowance(std::uint32_t answer_tokens_max, Position context_tokens);

// About what these messages take in a prompt.
Position message_tokens(const Engine& engine, std::span<const ChatMessage> messages);

}  // namespace kvasir
