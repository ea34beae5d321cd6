// Messages as the catalog keeps them (JSON text), and the key that a conversation is found by. Pure functions
// and values.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "engine/chat.h"

namespace kvasir {

// What one turn added. A root has the system messages and the tools.
struct TurnMessages {
    std::vector<ChatMessage> messages;
    std::vector<ToolDefinition> tools;
    friend bool operator==(const TurnMessages&, const TurnMessages&) = default;
};

// JSON with sorted keys and no white space, 1.0 written as 1; text that is no JSON stays as it is.
std::string canonical_json(const std::string& text);
std::string_view trimmed(std::string_view text);  // without white space around it

std::string encode(const TurnMessages& messages);
std::string encode_list(std::span<const ChatMessage> messages);  // a JSON array of them
// "" is no messages. kStoreUnusable: not what encode() makes.
Result<TurnMessages> decode_messages(std::string_view text);

// A chain over a conversation: equal for two conversations whose messages mean the same. Clients return an
// answer re-serialised (white space around it, JSON of tool calls), with ids of their own for its calls and
// without its reasoning; that makes no difference here.
class ConversationKey {
  public:
    explicit ConversationKey(std::span<const ToolDefinition> tools);
    void add(const ChatMessage& message);
    const Digest256& value() const { return value_; }

  private:
    std::string call_number(const std::string& id) const;

    Digest256 value_;
    std::map<std::string, std::size_t, std::less<>> calls_;  // number of the last call of that id
    std::size_t call_count_ = 0;
};

// Null: none is of a user.
const ChatMessage* last_user_message(const std::vector<ChatMessage>& messages);

}  // namespace kvasir
