#include "memory/conversation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/names.h"

namespace kvasir {

Position Conversation::prefix_end() const {
    if (turns.empty()) return 0;
    // A later turn may have diverged inside the prefix.
    auto end = static_cast<Position>(turns.front().tokens.size());
    for (const TurnRecord& turn : turns) {
        if (turn.number > 0) end = std::min(end, turn.token_begin);
    }
    return end;
}

Position Conversation::rows_end() const {
    const auto size = static_cast<Position>(tokens.size());
    return turns.size() > 1 && size > 0 ? size - 1 : size;
}

Result<Conversation> conversation_at(AgentRecord agent, std::vector<TurnRecord> path) {
    // Every agent has a root. What goes on from here asks for the last turn.
    if (path.empty())
        return fail(ErrorCode::kStoreUnusable,
                    "the catalog is damaged: the agent " + printable(agent.name) +
                        " has no turns; run `kvasir doctor`, or restore a backup of "
                        "the store");
    Conversation conversation;
    conversation.agent = std::move(agent);
    KVASIR_TRY_ASSIGN(conversation.tokens, join_tokens(path));
    for (const TurnRecord& turn : path) {
        KVASIR_TRY_ASSIGN(TurnMessages added, decode_messages(turn.messages));
        std::move(added.messages.begin(), added.messages.end(), std::back_inserter(conversation.messages));
        if (turn.number == 0) conversation.tools = std::move(added.tools);
    }
    conversation.turns = std::move(path);
    return conversation;
}

}  // namespace kvasir
