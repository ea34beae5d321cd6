// What callers may hand in. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kvasir {

// `what` begins the message: "the system prompt".
Status check_text(std::string_view text, const std::string& what);
Status check_agent_type(std::string_view type);
Status check_agent_title(std::string_view title);

}  // namespace kvasir
