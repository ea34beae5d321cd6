// Conversations, tools and schemas of a client on their way through the model's chat template and tokenizer,
// and the text of an answer on its way back. Input: a body of POST /v1/chat/completions (the
// spaces that it begins with choose the template), NUL, the text of an answer.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>

#include "fuzz/fuzz_target.h"
#include <unistd.h>

#include "api/openai_chat.h"
#include "engine/llama_engine.h"
#include "engine/templated_model.h"

namespace kvasir::fuzz {

namespace {

std::unique_ptr<Engine> open_engine(const std::string& path) {
    LlamaOptions options;
    options.model_path = path;
    options.context_tokens = 256;
    options.sequences = 1;
    options.threads = 1;
    auto engine = open_llama_engine(options);
    require(engine.has_value(), "the model opens");
    return std::move(*engine);
}

// Says nothing to begin an answer with, and refuses the roles of tools.
constexpr const char* kPlain =
    "{%- for m in messages %}{%- if m.role == 'tool' %}{{- raise_exception('no tools') }}{%- endif %}"
    "{{- '[' + m.role + '] ' + m.content + ' [/]' }}{%- endfor %}";
// Knows thoughts, but no tools.
constexpr const char* kThinking =
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' }}"
    "{%- if m.reasoning_content %}{{- '<think>\n' + m.reasoning_content + '\n</think>\n\n' }}{%- endif %}"
    "{{- m.content + '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\n\n</think>\n\n' }}{%- endif "
    "%}{%- endif %}";
// Has marks by which llama-common takes it for a template that it knows by name.
constexpr const char* kKnown =
    "{#- <|tool_calls_section_begin|><|tool_call_begin|> -#}"
    "{%- for m in messages %}{{- '<|im_' + m.role + '|>' + m.content + '<|im_end|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_assistant|>' }}{%- endif %}";

std::unique_ptr<Engine> open_with(const char* chat_template) {
    const std::string path =
        std::filesystem::temp_directory_path() / ("kvasir-fuzz-" + std::to_string(::getpid()) + ".gguf");
    test::copy_with_template(KVASIR_FUZZ_MODEL, chat_template, path);
    auto engine = open_engine(path);
    std::filesystem::remove(path);  // it is mapped
    return engine;
}

// As many spaces as the body begins with.
const Engine& engine_of(std::string_view body) {
    static const std::unique_ptr<Engine> kEngines[] = {open_engine(KVASIR_FUZZ_MODEL), open_with(kPlain),
                                                       open_with(kThinking), open_with(kKnown)};
    const std::size_t spaces = std::min(body.find_first_not_of(' '), body.size());
    return *kEngines[std::min(spaces, std::size(kEngines) - 1)];
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
    const std::string_view text = text_of(input);
    const std::string_view body = text.substr(0, text.find('\0'));
    const Engine& engine = engine_of(body);
    const auto request = parse_openai_chat(body);
    if (!request) return Outcome::kRefused;
    const ChatPrompt prompt{request->messages, GenerationPrompt::kYes, 0, request->tools, request->thinking};
    const auto rendered = engine.render(prompt);
    if (!rendered) return Outcome::kRefused;
    require(rendered->messages_end <= rendered->text.size(), "the messages end inside the text");
    const auto tokens = engine.tokenize(rendered->text, SpecialTokens::kParse, SequenceStart::kYes);
    require(!tokens || !tokens->empty() || rendered->text.empty(), "a text has tokens");
    const auto format = engine.plan_answer(prompt, request->constraint);
    if (!format) return Outcome::kRefused;
    const std::size_t end = text.find('\0');
    check_answer(**format, end == std::string_view::npos ? std::string_view() : text.substr(end + 1));
    // The names that tools of the corpus have.
    const bool known =
        std::all_of(request->tools.begin(), request->tools.end(),
                    [](const ToolDefinition& tool) { return tool.name == "f" || tool.name == "g"; });
    return known ? Outcome::kAccepted : Outcome::kRare;
}

}  // namespace kvasir::fuzz
