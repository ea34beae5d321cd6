// Tokenizer and chat template of a loaded model. Const and thread-safe once made; owned by the engine.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <llama.h>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/llama/format_cache.h"

struct common_chat_params;
struct common_chat_templates;
struct common_chat_templates_inputs;

namespace kvasir {

struct AnswerPlan;

class LlamaText {
  public:
    // kModelUnusable when the model's chat template cannot be parsed.
    static Result<std::unique_ptr<LlamaText>> make(const llama_model& model);
    ~LlamaText();

    Result<std::vector<Token>> tokenize(std::string_view text, SpecialTokens special,
                                        SequenceStart start) const;
    std::string piece(Token token, SpecialTokens special) const;
    bool is_end_of_turn(Token token) const;
    Result<RenderedChat> render(const ChatPrompt& prompt) const;
    Result<std::shared_ptr<const AnswerFormat>> plan_answer(const ChatPrompt& prompt,
                                                            const AnswerConstraint& constraint) const;
    bool template_missing() const { return template_missing_; }
    // SHA-256 over everything that decides what tokens mean, as hex.
    std::string tokenizer_hash() const;

  private:
    // Who describes tools and writes calls: the template, or we, as text (text_tools.h).
    enum class Tools { kInTemplate, kAsText };
    enum class Rendering { kAnalysed, kDirect };

    LlamaText() = default;
    Tools tools_of_template() const;
    Rendering rendering_of_template() const;
    Result<common_chat_templates_inputs> inputs_for(const ChatPrompt& prompt) const;
    Result<common_chat_params> apply_template(const ChatPrompt& prompt) const;
    Result<std::shared_ptr<const AnswerFormat>> make_format(const ChatPrompt& prompt,
                                                            const AnswerConstraint& constraint) const;
    // Throw what llama-common throws.
    AnswerPlan plan(const ChatPrompt& prompt, const common_chat_templates_inputs& constrained) const;
    AnswerPlan plan_with_template(const common_chat_templates_inputs& constrained) const;
    void tighten(common_chat_templates_inputs constrained, AnswerPlan& plan) const;

    struct TemplatesDeleter {
        void operator()(common_chat_templates* templates) const;
    };

    const llama_model* model_ = nullptr;
    const llama_vocab* vocab_ = nullptr;
    Tools tools_ = Tools::kInTemplate;
    Rendering rendering_ = Rendering::kAnalysed;
    std::unique_ptr<common_chat_templates, TemplatesDeleter> templates_;
    bool template_missing_ = false;
    std::string tokenizer_name_;
    mutable FormatCache formats_;
};

}  // namespace kvasir
