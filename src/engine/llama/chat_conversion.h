// Our chat values as llama-common takes them. Pure functions, thread-safe.
#pragma once

#include <chat.h>

#include "base/result.h"
#include "engine/chat.h"

namespace kvasir {

// What render_chat() and plan_answer() have in common: both must see the same prompt. kInvalidArgument: a
// tool whose parameters are no JSON schema.
Result<common_chat_templates_inputs> to_template_inputs(const ChatPrompt& prompt);

ChatMessage from_common(common_chat_msg message);

}  // namespace kvasir
