// Tokenizer and chat template of a loaded model. Const and thread-safe once made; owned by the engine.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <llama.h>

#include "base/result.h"
#include "engine/engine.h"

struct common_chat_templates;

namespace kvasir {

class LlamaText {
  public:
    // kModelUnusable when the model's chat template cannot be parsed.
    static Result<std::unique_ptr<LlamaText>> make(const llama_model& model);
    ~LlamaText();

    Result<std::vector<Token>> tokenize(std::string_view text, SpecialTokens special,
                                        SequenceStart start) const;
    std::string piece(Token token, SpecialTokens special) const;
    bool is_end_of_turn(Token token) const;
    Result<std::string> render_chat(const ChatPrompt& prompt) const;
    bool template_missing() const { return template_missing_; }
    // SHA-256 over everything that decides what tokens mean, as hex.
    std::string tokenizer_hash() const;

  private:
    LlamaText() = default;

    struct TemplatesDeleter {
        void operator()(common_chat_templates* templates) const;
    };

    const llama_vocab* vocab_ = nullptr;
    std::unique_ptr<common_chat_templates, TemplatesDeleter> templates_;
    bool template_missing_ = false;
    std::string tokenizer_name_;
};

}  // namespace kvasir
