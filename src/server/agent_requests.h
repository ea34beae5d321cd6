// Bodies of our own routes, from JSON text. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "api/chat_request.h"
#include "memory/turn_request.h"

namespace kvasir {

struct NewAgentBody {
    std::string name;
    std::string type;
    std::string system_prompt;
    std::string model;  // "" the first
};
ApiResult<NewAgentBody> parse_new_agent(std::string_view text);

struct ForkBody {
    std::string name;
    std::optional<std::uint32_t> at_turn;
};
ApiResult<ForkBody> parse_fork(std::string_view text);
// {"when_full": "refuse" | "drop_oldest_turns"}
ApiResult<WhenFull> parse_when_full(std::string_view text);
// {"to": TURN}
ApiResult<std::uint32_t> parse_rollback(std::string_view text);

// At least one change is in it.
ApiResult<AgentChange> parse_agent_change(std::string_view text);
// {"pinned": false}, or nothing: pin it
ApiResult<AgentChange> parse_pin(std::string_view text);

struct AgentMessageBody {
    std::string content;
    StreamMode stream = StreamMode::kWhole;
    AnswerReading reading = AnswerReading::kParsed;
    SamplingWishes sampling;
    std::vector<std::string> stops;
    std::optional<std::uint32_t> answer_tokens_max;
    std::optional<std::uint32_t> expected_turn;
};
ApiResult<AgentMessageBody> parse_agent_message(std::string_view text);

}  // namespace kvasir
