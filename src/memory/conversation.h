// A conversation as the catalog has it, up to where a new turn hangs. Engine thread (it reads the catalog).
#pragma once

#include <optional>
#include <vector>

#include "engine/engine.h"
#include "memory/message_text.h"
#include "memory/turn_request.h"
#include "store/catalog.h"

namespace kvasir {

struct Conversation {
    AgentRecord agent;
    std::vector<TurnRecord> turns;      // from the root to the turn that the next one follows
    std::vector<Token> tokens;          // exact, of those turns
    std::vector<ChatMessage> messages;  // of those turns; system messages first
    std::vector<ToolDefinition> tools;

    TurnId parent() const { return turns.back().id; }
    BranchId branch() const { return turns.back().branch; }
    // Tokens of the system prefix.
    Position prefix_end() const;
    // Tokens whose rows a resident agent holds between turns: the last token of an answer is evaluated with
    // what follows.
    Position rows_end() const;
};

// A system prompt and tools, as a root turn has them.
struct Opening {
    std::vector<ChatMessage> messages;  // system messages
    std::vector<ToolDefinition> tools;
    Digest256 key() const;
};

Opening opening_of(const std::string& system_prompt);
// Of a conversation that was sent whole: its leading system messages and its tools.
Opening opening_of(const TurnRequest& request);

// The conversation that ends with that turn. kStoreUnusable: an empty path.
Result<Conversation> conversation_at(AgentRecord agent, std::vector<TurnRecord> path);

// The longest beginning of `messages` (all of them, sent by a client) that ends with an answer which this
// agent gave, and how many messages that is. Nothing when not even the opening is known.
struct Match {
    TurnId turn{};
    std::size_t messages = 0;
};
Result<std::optional<Match>> find_match(Catalog& catalog, AgentId agent, const TurnRequest& request);

}  // namespace kvasir
