// From a conversation and new messages to the exact tokens of a prompt. History is never rendered again: the
// stored tokens stay, and only what the chat template puts after the last answer is tokenised. Reads the
// engine's text functions only.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "memory/conversation.h"

namespace kvasir {

struct Prompt {
    std::vector<Token> tokens;
    Position history_end = 0;  // of them, the stored tokens of the conversation, unchanged
    Position message_end = 0;  // end of the new messages, before the generation prompt; 0: not known
};

// The longest common prefix of two renderings with different user messages: what every conversation begins
// with.
Result<std::vector<Token>> system_prefix(const Engine& engine, const Opening& opening,
                                         std::int64_t created_unix_ms);

// All messages, the new ones last, as the chat template takes them.
ChatPrompt chat_prompt(const Conversation& conversation, std::span<const ChatMessage> added,
                       Thinking thinking);

Result<Prompt> make_prompt(const Engine& engine, const Conversation& conversation,
                           std::span<const ChatMessage> added, Thinking thinking);

// All of it rendered and tokenised anew; what it shares with the stored tokens is its history.
Result<Prompt> render_whole(const Engine& engine, const Conversation& conversation,
                            const ChatPrompt& messages);

// kInvalidArgument: it is empty, or holds a token that the model does not have.
Result<Prompt> make_raw_prompt(const Engine& engine, const RawPrompt& raw);
std::string text_of(const Engine& engine, const RawPrompt& raw);

}  // namespace kvasir
