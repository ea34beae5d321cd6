// Names that come from outside: agents and tenants. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kvasir {

// [A-Za-z0-9][A-Za-z0-9._-]{0,63}; kInvalidArgument says what is wrong without echoing control characters or
// megabytes.
Status check_agent_name(std::string_view name);

// For messages: quoted, cut to a readable length, control and non-ASCII bytes escaped.
std::string printable(std::string_view text);

}  // namespace kvasir
