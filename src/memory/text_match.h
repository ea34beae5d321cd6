// A conversation that a client sends is found by its messages (conversation.h), and where these come back
// changed, by what they render to: stored turns whose tokens read the same go on as they are, however the
// text would be split into tokens today. Reads the catalog and the engine's text functions. Engine thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "engine/engine.h"
#include "memory/conversation.h"

namespace kvasir {

struct TextMatch {
    Conversation conversation;
    std::size_t messages = 0;  // of those that were added, part of it
};

// Turns after `from` whose text `added` begins with. Nothing when there are none, or `added` holds no answer.
Result<std::optional<TextMatch>> match_text(const Engine& engine, Catalog& catalog, const Conversation& from,
                                            std::span<const ChatMessage> added, Thinking thinking);

// Of messages up to and with the first answer; 0: there is none.
std::size_t messages_to_answer(std::span<const ChatMessage> messages);

}  // namespace kvasir
