// Conversations, tools and schemas of a client on their way through the model's chat template and tokenizer,
// and the text of an answer on its way back. Input: a body of POST /v1/chat/completions, NUL, the text of an
// answer.
#include <memory>

#include "fuzz/fuzz_target.h"

#include "api/openai_chat.h"
#include "engine/llama_engine.h"

namespace kvasir::fuzz {

namespace {

std::unique_ptr<Engine> open_engine() {
    LlamaOptions options;
    options.model_path = KVASIR_FUZZ_MODEL;
    options.context_tokens = 256;
    options.sequences = 1;
    options.threads = 1;
    auto engine = open_llama_engine(options);
    require(engine.has_value(), "the model opens");
    return std::move(*engine);
}

void check_answer(const AnswerFormat& format, std::string_view text) {
    std::string content;
    for (std::size_t end = 0; end <= text.size(); end += 1 + text.size() / 8) {
        const auto so_far = format.parse(text.substr(0, end), AnswerEnd::kOpen);
        if (!so_far) continue;
        require(so_far->content.starts_with(content), "what was told of an answer stays");
        content = so_far->content;
    }
    (void)format.parse(text, AnswerEnd::kComplete);
}

}  // namespace

Outcome run_target(Input input) {
    static const std::unique_ptr<Engine> kEngine = open_engine();
    const std::string_view text = text_of(input);
    const std::string_view body = text.substr(0, text.find('\0'));
    const auto request = parse_openai_chat(body);
    if (!request) return Outcome::kRefused;
    const ChatPrompt prompt{request->messages, GenerationPrompt::kYes, 0, request->tools, request->thinking};
    const auto rendered = kEngine->render(prompt);
    if (!rendered) return Outcome::kRefused;
    require(rendered->messages_end <= rendered->text.size(), "the messages end inside the text");
    const auto tokens = kEngine->tokenize(rendered->text, SpecialTokens::kParse, SequenceStart::kYes);
    require(!tokens || !tokens->empty() || rendered->text.empty(), "a text has tokens");
    const auto format = kEngine->plan_answer(prompt, request->constraint);
    if (!format) return Outcome::kRefused;
    const std::size_t end = text.find('\0');
    check_answer(**format, end == std::string_view::npos ? std::string_view() : text.substr(end + 1));
    return request->messages.size() == 5 ? Outcome::kRare : Outcome::kAccepted;
}

}  // namespace kvasir::fuzz
