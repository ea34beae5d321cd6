// What is told about how a request's conversation was found. Values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/tokens.h"

namespace kvasir {

// How the stored part of a conversation was found.
enum class MatchedBy {
    kNothing,   // a conversation that the agent did not have
    kHeld,      // the server holds it: only new messages came
    kMessages,  // message by message, as they were returned
    kText       // by what they render to
};

const char* to_string(MatchedBy by);

// Where what was sent stops being what is stored.
struct MatchDifference {
    std::string field;  // "messages[3].content", "tools[1].description"
    std::string stored;
    std::string received;
    std::string fix;  // what to do about it
};

struct MatchReport {
    std::string agent;
    std::string request_id;  // "" of a dry run
    std::int64_t unix_ms = 0;
    MatchedBy by = MatchedBy::kNothing;
    std::uint32_t turn = 0;          // the stored turn that it goes on from
    std::size_t messages = 0;        // sent, system messages included
    std::size_t messages_known = 0;  // of them, stored
    Position prompt_tokens = 0;      // of the whole prompt
    Position history_tokens = 0;     // of them, stored tokens that stand unchanged
    Position reused_tokens = 0;      // of them, not evaluated; of a dry run: rows that are there now
    std::string not_reused_reason;   // as in TurnMetrics
    std::optional<MatchDifference> difference;
};

}  // namespace kvasir
