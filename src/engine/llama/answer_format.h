// LlamaEngine's AnswerFormat: the grammar that its sampler enforces, and the reader of what comes out.
// Immutable, any thread; shared by the turn, its sampler and its answer stream.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <common.h>
#include <llama.h>

#include "base/result.h"
#include "base/tokens.h"
#include "engine/chat.h"
#include "engine/llama/answer_plan.h"
#include "engine/llama/answer_reader.h"

namespace kvasir {

class LlamaAnswerFormat : public AnswerFormat {
  public:
    // Throws what llama-common throws.
    LlamaAnswerFormat(const llama_vocab& vocab, const AnswerPlan& plan);

    Result<ChatMessage> parse(std::string_view text, AnswerEnd end) const override {
        return reader_.read(text, end);
    }
    const std::vector<std::string>& stops() const override { return stops_; }
    bool is_marker(Token token) const override { return preserved_.contains(token); }

    // What a sampler must be told to enforce it.
    void add_to(common_params_sampling& params) const;

  private:
    AnswerReader reader_;
    std::vector<std::string> stops_;
    std::set<llama_token> preserved_;
    common_grammar grammar_;
    GrammarBegins begins_;
    std::vector<common_grammar_trigger> triggers_;
    std::string generation_prompt_;
    // Triggers inside thoughts are none.
    std::vector<llama_token> thinking_start_;
    std::vector<std::vector<llama_token>> thinking_ends_;
};

}  // namespace kvasir
