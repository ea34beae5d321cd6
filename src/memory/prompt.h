// From a conversation and a new message to the exact tokens of a prompt. History is never rendered again: the
// stored tokens stay, and only what the chat template puts after the last answer is tokenised. Reads the
// engine's text functions only.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "store/catalog.h"

namespace kvasir {

// What an agent has said and heard, as the catalog has it.
struct Conversation {
    AgentRecord agent;
    std::vector<TurnRecord> turns;  // root to head
    std::vector<Token> tokens;      // exact

    // Tokens of the system prefix.
    Position prefix_end() const;
    // Tokens whose rows a resident agent holds between turns: the last token of an answer is evaluated with
    // what follows.
    Position rows_end() const;
};

struct Prompt {
    std::vector<Token> tokens;
    Position history_end = 0;  // of them, the stored tokens of the conversation, unchanged
    Position message_end = 0;  // end of the new message, before the generation prompt; 0: not known
};

// The longest common prefix of two renderings with different user messages: what every conversation begins
// with.
Result<std::vector<Token>> system_prefix(const Engine& engine, const std::string& system_prompt,
                                         std::int64_t created_unix_ms);

Result<Prompt> make_prompt(const Engine& engine, const Conversation& conversation,
                           const std::string& message);

}  // namespace kvasir
