#include "engine/llama/text.h"

#include <array>
#include <exception>

#include <chat.h>
#include <common.h>
#include <fmt/format.h>

#include "base/hash.h"
#include "engine/llama/handles.h"

namespace kvasir {

namespace {

std::string metadata(const llama_model& model, const char* key) {
    std::array<char, 128> value{};
    return llama_model_meta_val_str(&model, key, value.data(), value.size()) > 0 ? value.data() : "none";
}

}  // namespace

void LlamaText::TemplatesDeleter::operator()(common_chat_templates* templates) const {
    common_chat_templates_free(templates);
}

LlamaText::~LlamaText() = default;

Result<std::unique_ptr<LlamaText>> LlamaText::make(const llama_model& model) {
    std::unique_ptr<LlamaText> text(new LlamaText());
    text->model_ = &model;
    text->vocab_ = llama_model_get_vocab(&model);
    text->template_missing_ = llama_model_chat_template(&model, nullptr) == nullptr;
    text->tokenizer_name_ =
        metadata(model, "tokenizer.ggml.model") + "/" + metadata(model, "tokenizer.ggml.pre");
    try {
        text->templates_.reset(
            common_chat_templates_init(&model, text->template_missing_ ? "chatml" : "").release());
    } catch (const std::exception& error) {
        return fail(ErrorCode::kModelUnusable,
                    fmt::format("the model's chat template cannot be used: {}", error.what()));
    }
    text->tools_ = text->tools_of_template();
    text->rendering_ = text->rendering_of_template();
    (void)take_llama_errors();
    return text;
}

Result<std::vector<Token>> LlamaText::tokenize(std::string_view text, SpecialTokens special,
                                               SequenceStart start) const {
    try {
        return common_tokenize(vocab_, std::string(text), start == SequenceStart::kYes,
                               special == SpecialTokens::kParse);
    } catch (const std::exception& error) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the text cannot be turned into tokens: {}", error.what()));
    }
}

std::string LlamaText::piece(Token token, SpecialTokens special) const {
    try {
        return common_token_to_piece(vocab_, token, special == SpecialTokens::kParse);
    } catch (const std::exception&) {
        return {};  // a token that has no text
    }
}

bool LlamaText::is_end_of_turn(Token token) const { return llama_vocab_is_eog(vocab_, token); }

std::string LlamaText::tokenizer_hash() const {
    Sha256 hash("kvasir.tokenizer.v1");
    hash.field("name", tokenizer_name_);
    const auto count = static_cast<std::uint64_t>(llama_vocab_n_tokens(vocab_));
    hash.field("type", static_cast<std::uint64_t>(llama_vocab_type(vocab_))).field("count", count);
    for (Token token = 0; token < static_cast<Token>(count); ++token) {
        hash.field("text", std::string_view(llama_vocab_get_text(vocab_, token)));
        hash.field("attributes", static_cast<std::uint64_t>(llama_vocab_get_attr(vocab_, token)));
    }
    for (const Token token : {llama_vocab_bos(vocab_), llama_vocab_eos(vocab_), llama_vocab_eot(vocab_)}) {
        hash.field("special", static_cast<std::uint64_t>(static_cast<std::uint32_t>(token)));
    }
    hash.field("add_bos", std::uint64_t{llama_vocab_get_add_bos(vocab_) ? 1U : 0U});
    hash.field("add_eos", std::uint64_t{llama_vocab_get_add_eos(vocab_) ? 1U : 0U});
    return hash.finish().hex();
}

}  // namespace kvasir
