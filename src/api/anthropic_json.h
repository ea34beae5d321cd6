// What whole Anthropic answers and streams share. Pure functions.
#pragma once

#include <string_view>

#include <boost/json.hpp>

#include "api/chat_answer.h"

namespace kvasir {

// Clients send thinking back only when it has a signature; this one says who wrote it and verifies nothing.
inline constexpr std::string_view kThinkingSignature = "kvasir";

boost::json::object anthropic_message_json(std::string_view id, std::string_view model,
                                           boost::json::array content, const Usage& usage);
const char* anthropic_stop_reason(FinishReason reason);
boost::json::value anthropic_stop_sequence(const ChatAnswer& answer);

}  // namespace kvasir
