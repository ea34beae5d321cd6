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

const char* to_string(MadeBy made_by);

struct AgentChange {
    std::optional<std::string> name;
    std::optional<std::string> title;  // free text
    std::optional<std::string> type;
    std::optional<Pinned> pinned;
    bool empty() const { return !name && !title && !type && !pinned; }
};

}  // namespace kvasir
