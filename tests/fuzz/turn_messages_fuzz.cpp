// The messages of a turn as the catalog keeps them: JSON text.
#include "fuzz/fuzz_target.h"

#include "memory/message_text.h"

namespace kvasir::fuzz {

Outcome run_target(Input input) {
    const auto messages = decode_messages(text_of(input));
    if (!messages) {
        require(messages.error().code == ErrorCode::kStoreUnusable, "what cannot be read is damage");
        return Outcome::kRefused;
    }
    const auto again = decode_messages(encode(*messages));
    require(again && *again == *messages, "what was read is written and read again");
    ConversationKey key(messages->tools);
    for (const ChatMessage& message : messages->messages) key.add(message);
    require(!encode_list(messages->messages).empty(), "a list is written");
    const ChatMessage* const last = last_user_message(messages->messages);
    require(last == nullptr || last->role == Role::kUser, "the last message of a user is one");
    return messages->messages.size() == 5 ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
