// Tools for models whose chat template knows none: they are described in the system message, calls are
// written as JSON between markers, results come back as the user's text. Pure functions, thread-safe.
#pragma once

#include <string>

#include <chat.h>

#include "engine/chat.h"
#include "engine/llama/answer_plan.h"

namespace kvasir {

// The same conversation in system, user and assistant messages without tools and calls. An unchanged copy
// when it has none.
ChatPrompt with_tools_as_text(const ChatPrompt& prompt);

// Grammar and parser of the answer to such a prompt, or of one that follows a JSON schema, put into what
// llama-common planned for the prompt alone. Throw what llama-common throws.
void plan_text_tools(const common_chat_templates_inputs& constrained, AnswerPlan& plan);
void plan_json_answer(const std::string& json_schema, AnswerPlan& plan);

}  // namespace kvasir
