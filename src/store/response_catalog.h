// What clients find again by an id of ours: answers ("responses", each of which names a turn), and lists of
// items that they keep here ("conversations"). Records and items are opaque texts of the server.
//
// The part of Catalog (catalog.h) that does not decide what an agent remembers; its rules hold here: one
// thread, one transaction per function. An agent that is deleted takes its responses and its conversations
// along.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace kvasir {

enum class TurnId : std::int64_t;

struct ConversationItem {
    std::string id;
    std::string text;
};

// Stored in the transaction of its turn.
struct NewResponse {
    std::string id;  // "": nobody will ask for it
    std::string record;
    std::string conversation;             // "" none. The items are added to it, if it still exists
    std::vector<ConversationItem> items;  // what the request brought, and the answer
};

struct StoredResponse {
    std::string id;
    std::string agent;  // its name
    TurnId turn{};
    std::string record;
};

struct StoredConversation {
    std::string id;
    std::string agent;  // whose it is; made when it first speaks
    std::string record;
    std::int64_t created_unix_ms = 0;
};

class ResponseCatalog {
  public:
    virtual ~ResponseCatalog() = default;

    virtual Result<std::optional<StoredResponse>> response(const std::string& id) = 0;
    virtual Status erase_response(const std::string& id) = 0;  // the turn stays; kNotFound

    virtual Status add_conversation(const StoredConversation& conversation,
                                    const std::vector<ConversationItem>& items) = 0;  // kConflict: id taken
    virtual Result<std::optional<StoredConversation>> conversation(const std::string& id) = 0;
    virtual Status set_conversation_record(const std::string& id,
                                           const std::string& record) = 0;  // kNotFound
    virtual Status erase_conversation(const std::string& id) = 0;           // kNotFound
    // At the end. kNotFound: no such conversation. An item whose id is there already stays as it is.
    virtual Status add_conversation_items(const std::string& id,
                                          const std::vector<ConversationItem>& items) = 0;
    virtual Result<std::vector<ConversationItem>> conversation_items(const std::string& id) = 0;  // as added
    virtual Status erase_conversation_item(const std::string& id, const std::string& item) = 0;   // kNotFound
};

}  // namespace kvasir
