#include "engine/llama/answer_format.h"

#include <stdexcept>

namespace kvasir {

namespace {

// A marker that is one token triggers as that token: its text may be hidden in a control token.
common_grammar_trigger as_token_if_one(const llama_vocab& vocab, common_grammar_trigger trigger) {
    if (trigger.type != COMMON_GRAMMAR_TRIGGER_TYPE_WORD) return trigger;
    const auto tokens = common_tokenize(&vocab, trigger.value, false, true);
    if (tokens.size() != 1) return trigger;
    trigger.type = COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN;
    trigger.token = tokens.front();
    return trigger;
}

}  // namespace

LlamaAnswerFormat::LlamaAnswerFormat(const llama_vocab& vocab, const AnswerPlan& plan)
    : reader_(plan),
      stops_(plan.params.additional_stops),
      begins_(plan.begins),
      generation_prompt_(plan.params.generation_prompt) {
    const common_chat_params& params = plan.params;
    for (const std::string& text : params.preserved_tokens) {
        const auto tokens = common_tokenize(&vocab, text, false, true);
        if (tokens.size() == 1) preserved_.insert(tokens.front());
    }
    if (params.grammar.empty()) return;
    // The type says whether the grammar is led past the generation prompt first.
    const bool past_prompt = begins_ == GrammarBegins::kWithPrompt;
    grammar_ = {past_prompt ? COMMON_GRAMMAR_TYPE_TOOL_CALLS : COMMON_GRAMMAR_TYPE_USER, params.grammar};
    if (begins_ != GrammarBegins::kWithTrigger) return;
    for (const common_grammar_trigger& trigger : params.grammar_triggers)
        triggers_.push_back(as_token_if_one(vocab, trigger));
    if (triggers_.empty()) throw std::invalid_argument("nothing begins the tool calls of this template");
    if (params.thinking_start_tag.empty()) return;
    thinking_start_ = common_tokenize(&vocab, params.thinking_start_tag, false, true);
    for (const std::string& tag : params.thinking_end_tags)
        thinking_ends_.push_back(common_tokenize(&vocab, tag, false, true));
}

void LlamaAnswerFormat::add_to(common_params_sampling& params) const {
    if (grammar_.empty()) return;
    params.preserved_tokens = preserved_;
    params.grammar = grammar_;
    params.grammar_lazy = begins_ == GrammarBegins::kWithTrigger;
    params.grammar_triggers = triggers_;
    params.generation_prompt = generation_prompt_;
    params.reasoning_budget_start = thinking_start_;
    params.reasoning_budget_end = thinking_ends_;
}

}  // namespace kvasir
