#include "support/fake_text.h"

#include <array>
#include <utility>

namespace kvasir::test {

namespace {

constexpr std::array<std::pair<std::string_view, Token>, 3> kSpecials = {
    {{"<|im_start|>", kFakeImStart}, {"<|im_end|>", kFakeImEnd}, {"<s>", kFakeBos}}};

std::string sized(const char* name, const std::string& text) {
    return "[" + std::string(name) + " " + std::to_string(text.size()) + ":" + text + "]";
}

std::string rendered_tools(const std::vector<ToolDefinition>& tools) {
    std::string text = "<|im_start|>tools\n";
    for (const ToolDefinition& tool : tools) {
        text += sized("name", tool.name) + sized("description", tool.description);
        text += sized("parameters", tool.parameters);
    }
    return text + "<|im_end|>\n";
}

// A marker begins with one '<', text beside markers never has an odd number of them in a row.
std::string doubled(const std::string& text) {
    std::string result;
    for (const char c : text) result += c == '<' ? std::string("<<") : std::string(1, c);
    return result;
}

// As FakeAnswerFormat reads it. The end says which parts there are, so that text that looks like them stays
// text.
std::string rendered_parts(const ChatMessage& message) {
    std::string text;
    std::string parts;
    if (!message.reasoning.empty()) {
        text += "<think>" + doubled(message.reasoning) + "</think>";
        parts += "[reasoning]";
    }
    text += doubled(message.content);
    for (const ToolCall& call : message.tool_calls) {
        text += "<tool_call>{\"name\":\"" + doubled(call.name) + "\",\"arguments\":";
        text += doubled(call.arguments) + "}</tool_call>";
        parts += sized("call", call.id) + sized("name", call.name);
    }
    return text + "<|im_end|>" + parts + "\n";
}

// Unambiguous, as long as no text has the special tokens in it.
std::string rendered_message(const ChatMessage& message) {
    std::string text = "<|im_start|>" + std::string(to_string(message.role));
    if (!message.tool_call_id.empty()) text += sized("id", message.tool_call_id);
    if (!message.name.empty()) text += sized("name", message.name);
    text += "\n";
    if (message.reasoning.empty() && message.tool_calls.empty())
        return text + message.content + "<|im_end|>\n";
    return text + rendered_parts(message);
}

}  // namespace

std::vector<Token> fake_tokenize(std::string_view text, SpecialTokens special) {
    std::vector<Token> tokens;
    while (!text.empty()) {
        std::size_t taken = 0;
        for (const auto& [name, token] : kSpecials) {
            if (special == SpecialTokens::kParse && text.substr(0, name.size()) == name) {
                tokens.push_back(token);
                taken = name.size();
                break;
            }
        }
        if (taken == 0) {
            tokens.push_back(static_cast<Token>(static_cast<unsigned char>(text.front())));
            taken = 1;
        }
        text.remove_prefix(taken);
    }
    return tokens;
}

std::string fake_piece(Token token, SpecialTokens special) {
    if (token >= 0 && token < 256)
        return std::string(1, static_cast<char>(static_cast<unsigned char>(token)));
    for (const auto& [name, id] : kSpecials) {
        if (id == token && special == SpecialTokens::kParse) return std::string(name);
    }
    return "";
}

std::string fake_render(FakeTemplate chat_template, const ChatPrompt& prompt) {
    std::string text;
    if (chat_template == FakeTemplate::kDated) text += "[" + std::to_string(prompt.now_unix_ms) + "]";
    if (!prompt.tools.empty()) text += rendered_tools(prompt.tools);
    for (const ChatMessage& message : prompt.messages) {
        const bool dropped = chat_template == FakeTemplate::kDropsAnswers && message.role == Role::kAssistant;
        text +=
            dropped ? rendered_message({Role::kAssistant, "(earlier answer)"}) : rendered_message(message);
    }
    if (prompt.generation_prompt == GenerationPrompt::kYes) {
        text += "<|im_start|>assistant\n";
        if (prompt.thinking == Thinking::kOff) text += "<think></think>";
    }
    return text;
}

}  // namespace kvasir::test
