// What is worth reading before the next message to an agent comes: its conversation without the turns that no
// longer fit, when it is set to leave them out. Values; made by a turn, used up by whoever has idle time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/tokens.h"
#include "engine/chat.h"
#include "store/agent_change.h"
#include "store/catalog.h"

namespace kvasir {

struct ReadAhead {
    std::string agent;
    TurnId after{};  // the turn that was answered last
    Thinking thinking = Thinking::kDefault;
    std::optional<WhenFull> when_full = std::nullopt;  // as that turn asked; nullopt: as the agent is set
    std::vector<Token> tokens = {};                    // that are to be read; empty: not worked out yet
};

}  // namespace kvasir
