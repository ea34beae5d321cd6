#include "support/fake_text.h"

#include <array>
#include <utility>

namespace kvasir::test {

namespace {

constexpr std::array<std::pair<std::string_view, Token>, 3> kSpecials = {
    {{"<|im_start|>", kFakeImStart}, {"<|im_end|>", kFakeImEnd}, {"<s>", kFakeBos}}};

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
    for (std::size_t i = 0; i < prompt.messages.size(); ++i) {
        const ChatMessage& message = prompt.messages[i];
        const bool dropped = chat_template == FakeTemplate::kDropsAnswers && message.role == Role::kAssistant;
        text += "<|im_start|>" + std::string(to_string(message.role)) + "\n";
        text += (dropped ? "(earlier answer)" : message.content) + "<|im_end|>\n";
    }
    if (prompt.generation_prompt == GenerationPrompt::kYes) text += "<|im_start|>assistant\n";
    return text;
}

}  // namespace kvasir::test
