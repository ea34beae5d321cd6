// A readable title for an agent that nobody named. Pure function.
#pragma once

#include <span>
#include <string>

#include "engine/chat.h"

namespace kvasir {

// The beginning of the first thing that the user said, in one line; what a client put before it in tags of
// its own ("<system-reminder>...") is left out. "" when there is nothing to read. Texts are valid UTF-8.
std::string title_of(std::span<const ChatMessage> messages);

}  // namespace kvasir
