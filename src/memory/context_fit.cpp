#include "memory/context_fit.h"

#include <utility>
#include <vector>

namespace kvasir {

namespace {

// Where turns begin: at each message of a user that follows something else.
std::vector<std::size_t> turn_begins(const std::vector<ChatMessage>& messages) {
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const bool goes_on = i > 0 && messages[i - 1].role == Role::kUser;
        if (messages[i].role == Role::kUser && !goes_on) begins.push_back(i);
    }
    return begins;
}

}  // namespace

Result<FittedPrompt> fit_prompt(const Engine& engine, const Conversation& conversation,
                                std::span<const ChatMessage> added, Thinking thinking, Position tokens_max) {
    const ChatPrompt whole = chat_prompt(conversation, added, thinking);
    const std::vector<std::size_t> begins = turn_begins(whole.messages);
    const auto without = [&](std::size_t turns) -> Result<FittedPrompt> {
        ChatPrompt rest = whole;
        const auto first = rest.messages.begin();
        rest.messages.erase(first + static_cast<std::ptrdiff_t>(begins.front()),
                            first + static_cast<std::ptrdiff_t>(begins[turns]));
        KVASIR_TRY_ASSIGN(Prompt prompt, render_whole(engine, conversation, rest));
        return FittedPrompt{std::move(prompt), static_cast<std::uint32_t>(turns)};
    };
    if (begins.empty()) {
        KVASIR_TRY_ASSIGN(Prompt prompt, render_whole(engine, conversation, whole));
        return FittedPrompt{std::move(prompt), 0};
    }
    // More left out is shorter: the least that fits is found by halving.
    std::size_t least = 0;
    std::size_t most = begins.size() - 1;
    while (least < most) {
        const std::size_t middle = (least + most) / 2;
        KVASIR_TRY_ASSIGN(const FittedPrompt fitted, without(middle));
        if (fitted.prompt.tokens.size() <= tokens_max)
            most = middle;
        else
            least = middle + 1;
    }
    return without(least);
}

}  // namespace kvasir
