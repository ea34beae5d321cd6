// What of an agent can be changed besides its conversation. Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace kvasir {

// Who made the agent. One that a client's session id made goes when nobody has used it for long, unless it is
// pinned or was given a name or a title.
enum class MadeBy { kUser, kSession };
enum class Pinned { kNo, kYes };  // kYes: leaves memory last, and never expires
// When a conversation is longer than the context: an error, or its oldest turns are left out, which is told.
enum class WhenFull { kRefuse, kDropOldestTurns };

const char* to_string(MadeBy made_by);

struct AgentChange {
    std::optional<std::string> name;
    std::optional<std::string> title;  // free text
    std::optional<std::string> type;
    std::optional<Pinned> pinned;
    std::optional<WhenFull> when_full = std::nullopt;  // an option of the agent, kept beside the record
    bool changes_record() const { return name || title || type || pinned; }
    bool empty() const { return !changes_record() && !when_full; }
};

}  // namespace kvasir
