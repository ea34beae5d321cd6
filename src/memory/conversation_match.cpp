// How a request's messages are found among an agent's turns.
#include <algorithm>
#include <utility>

#include "memory/conversation.h"

namespace kvasir {

namespace {

std::size_t count_leading_system(const std::vector<ChatMessage>& messages) {
    const auto first_other = std::find_if(messages.begin(), messages.end(), [](const ChatMessage& message) {
        return message.role != Role::kSystem;
    });
    return static_cast<std::size_t>(first_other - messages.begin());
}

Result<bool> has_key(Catalog& catalog, std::optional<TurnId> turn, const Digest256& key) {
    if (!turn) return false;
    KVASIR_TRY_ASSIGN(const auto path, catalog.path_to(*turn));
    return path.back().conversation_key == key;
}

}  // namespace

Digest256 Opening::key() const {
    ConversationKey key(tools);
    for (const ChatMessage& message : messages) key.add(message);
    return key.value();
}

Opening opening_of(const std::string& system_prompt) {
    Opening opening;
    if (!system_prompt.empty()) opening.messages.push_back({Role::kSystem, system_prompt, {}, {}, {}, {}});
    return opening;
}

Opening opening_of(const TurnRequest& request) {
    const auto count = static_cast<std::ptrdiff_t>(count_leading_system(request.messages));
    return {{request.messages.begin(), request.messages.begin() + count}, request.tools};
}

Result<std::optional<Match>> find_match(Catalog& catalog, AgentId agent, const TurnRequest& request) {
    const std::size_t opening = count_leading_system(request.messages);
    // Keys of all beginnings, the longest looked up first: the catalog is asked once in the common case.
    std::vector<std::pair<Digest256, std::size_t>> keys;
    ConversationKey key(request.tools);
    if (opening == 0) keys.emplace_back(key.value(), 0);
    for (std::size_t i = 0; i < request.messages.size(); ++i) {
        key.add(request.messages[i]);
        const bool answered = request.messages[i].role == Role::kAssistant && i + 1 < request.messages.size();
        if (answered || i + 1 == opening) keys.emplace_back(key.value(), i + 1);
    }
    std::reverse(keys.begin(), keys.end());
    for (const auto& [digest, count] : keys) {
        KVASIR_TRY_ASSIGN(const auto turn, catalog.find_turn(agent, digest));
        if (!turn) continue;
        KVASIR_TRY_ASSIGN(const bool is_wanted, has_key(catalog, request.follows, digest));
        return std::optional<Match>(Match{is_wanted ? *request.follows : *turn, count});
    }
    return std::optional<Match>();
}

}  // namespace kvasir
