// What was decided about an answer before it is generated: made by LlamaText, kept by its format. Values.
#pragma once

#include <chat.h>

namespace kvasir {

enum class AnswerKind {
    kFree,          // text, and perhaps calls
    kCallRequired,  // at least one call
    kJson,          // content is JSON
};

enum class GrammarBegins {
    kWithPrompt,   // it covers the generation prompt, too, which the sampler must be past
    kWithAnswer,   // with the first token
    kWithTrigger,  // with the first marker of a call
};

struct AnswerPlan {
    common_chat_params params;  // of the prompt: everything except its text is used
    AnswerKind kind = AnswerKind::kFree;
    GrammarBegins begins = GrammarBegins::kWithPrompt;
};

}  // namespace kvasir
