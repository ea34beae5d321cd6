// LlamaText: conversations rendered as prompts, and what is found out about a template for it.
#include <algorithm>
#include <exception>
#include <utility>

#include <chat-auto-parser.h>
#include <chat.h>
#include <fmt/format.h>
#include <json.h>

#include "engine/llama/chat_conversion.h"
#include "engine/llama/text.h"
#include "engine/llama/text_tools.h"

namespace kvasir {

namespace {

constexpr const char* kProbeTool = "kvasir_probe_tool";
constexpr const char* kProbeResult = "kvasir_probe_result";

ChatMessage probe_call() {
    ChatMessage call{Role::kAssistant};
    call.tool_calls.push_back({"abcdef123", kProbeTool, R"({"probe_argument":"probe_value"})"});
    return call;
}

ChatMessage probe_result() {
    ChatMessage result{Role::kTool, kProbeResult};
    result.tool_call_id = "abcdef123";
    result.name = kProbeTool;
    return result;
}

// A conversation in which a tool is offered, called and answered.
ChatPrompt probe() {
    ChatPrompt prompt;
    prompt.messages = {{Role::kUser, "Hello"}, probe_call(), probe_result()};
    prompt.tools = {
        {kProbeTool, "Probes.", R"({"type":"object","properties":{"probe_argument":{"type":"string"}}})"}};
    return prompt;
}

bool is_known_by_name(const std::string& source) {
    try {
        common_chat_template known(source, "", "");
        autoparser::generation_params params;
        params.messages = common_json::array();
        params.messages.push_back(common_json{{"role", "user"}, {"content", "Hello"}});
        params.add_generation_prompt = true;
        return common_chat_try_specialized_template(known, source, params).has_value();
    } catch (const std::exception&) {
        return true;
    }
}

std::size_t occurrences(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
        ++count;
    return count;
}

}  // namespace

// Asked of the template itself: what it says of its abilities and what it does are not always the same.
LlamaText::Tools LlamaText::tools_of_template() const {
    auto inputs = to_template_inputs(probe());
    if (!inputs) return Tools::kAsText;
    try {
        inputs->tool_choice = COMMON_CHAT_TOOL_CHOICE_REQUIRED;
        const common_chat_params params = common_chat_templates_apply(templates_.get(), *inputs);
        const bool described = occurrences(params.prompt, kProbeTool) >= 2;  // offered, and called
        const bool called = params.prompt.find("probe_value") != std::string::npos;
        const bool answered = params.prompt.find(kProbeResult) != std::string::npos;
        const bool enforced = !params.grammar.empty() && !params.grammar_lazy;
        return described && called && answered && enforced ? Tools::kInTemplate : Tools::kAsText;
    } catch (const std::exception&) {
        return Tools::kAsText;
    }
}

// llama-common analyses a template each time that it applies it, which takes ten times as long as to render.
// Only those that it knows by name get their prompts adjusted in that; for all others the text is the same
// without.
LlamaText::Rendering LlamaText::rendering_of_template() const {
    for (const char* variant : {"", "tool_use"}) {
        const std::string source = common_chat_templates_source(templates_.get(), variant);
        if (!source.empty() && is_known_by_name(source)) return Rendering::kAnalysed;
    }
    return Rendering::kDirect;
}

Result<common_chat_templates_inputs> LlamaText::inputs_for(const ChatPrompt& prompt) const {
    KVASIR_TRY_ASSIGN(auto inputs, to_template_inputs(prompt));  // checks the tools, too
    if (tools_ == Tools::kInTemplate) return inputs;
    return to_template_inputs(with_tools_as_text(prompt));
}

Result<common_chat_params> LlamaText::apply_template(const ChatPrompt& prompt) const {
    KVASIR_TRY_ASSIGN(auto inputs, inputs_for(prompt));
    inputs.force_pure_content = rendering_ == Rendering::kDirect;
    try {
        return common_chat_templates_apply(templates_.get(), inputs);
    } catch (const std::exception& error) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the model's chat template refuses this conversation: {}", error.what()));
    }
}

// The template is run once more by llama-common, so that it can tell the generation prompt; where it does
// not, here.
Result<RenderedChat> LlamaText::render(const ChatPrompt& prompt) const {
    KVASIR_TRY_ASSIGN(auto applied, apply_template(prompt));
    RenderedChat rendered{std::move(applied.prompt), 0};
    rendered.messages_end = rendered.text.size();
    if (prompt.generation_prompt == GenerationPrompt::kNo) return rendered;
    if (!applied.generation_prompt.empty() && rendered.text.ends_with(applied.generation_prompt)) {
        rendered.messages_end -= applied.generation_prompt.size();
        return rendered;
    }
    ChatPrompt messages = prompt;
    messages.generation_prompt = GenerationPrompt::kNo;
    KVASIR_TRY_ASSIGN(const auto without, apply_template(messages));
    const auto differs = std::mismatch(rendered.text.begin(), rendered.text.end(), without.prompt.begin(),
                                       without.prompt.end());
    rendered.messages_end = static_cast<std::size_t>(differs.first - rendered.text.begin());
    return rendered;
}

}  // namespace kvasir
