#include "memory/context_fit.h"

#include <algorithm>
#include <utility>

#include "memory/token_chain.h"

namespace kvasir {

namespace {

constexpr Position kContextShareLeft = 4;  // of the context, one part in so many
constexpr Position kMessageShareMore = 4;  // a message may be longer than the last one by one part in so many
constexpr Position kMessageFrameTokens = 8;  // that a template puts around a message, about

// Where turns begin: at each message of a user that follows something else.
std::vector<std::size_t> turn_begins(const std::vector<ChatMessage>& messages) {
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const bool goes_on = i > 0 && messages[i - 1].role == Role::kUser;
        if (messages[i].role == Role::kUser && !goes_on) begins.push_back(i);
    }
    return begins;
}

// All messages, and how many turns of them can be left out.
struct Turns {
    ChatPrompt whole;
    std::vector<std::size_t> begins;
    std::size_t most() const { return begins.empty() ? 0 : begins.size() - 1; }
    ChatPrompt without(std::size_t turns) const {
        ChatPrompt rest = whole;
        if (turns == 0) return rest;
        const auto first = rest.messages.begin();
        rest.messages.erase(first + static_cast<std::ptrdiff_t>(begins.front()),
                            first + static_cast<std::ptrdiff_t>(begins[turns]));
        return rest;
    }
};

Turns turns_of(const Conversation& conversation, std::span<const ChatMessage> added, Thinking thinking) {
    Turns turns{chat_prompt(conversation, added, thinking), {}};
    turns.begins = turn_begins(turns.whole.messages);
    return turns;
}

// More left out is shorter: the least from `least` on that fits is found by halving.
Result<std::size_t> least_that_fits(const Engine& engine, const Conversation& conversation,
                                    const Turns& turns, std::size_t least, Position tokens_max) {
    std::size_t most = turns.most();
    while (least < most) {
        const std::size_t middle = (least + most) / 2;
        KVASIR_TRY_ASSIGN(const Prompt prompt, render_whole(engine, conversation, turns.without(middle)));
        if (prompt.tokens.size() <= tokens_max)
            most = middle;
        else
            least = middle + 1;
    }
    return least;
}

Position tokens_max(const Engine& engine) {
    const Position context = engine.model().context_tokens;
    return context - context / kContextShareLeft;
}

// What came with the last answer.
std::span<const ChatMessage> last_added(const std::vector<ChatMessage>& messages) {
    const auto answers = [](const ChatMessage& message) { return message.role == Role::kAssistant; };
    auto end = messages.end();
    while (end != messages.begin() && answers(*(end - 1))) --end;
    auto begin = end;
    while (begin != messages.begin() && !answers(*(begin - 1)) && (begin - 1)->role != Role::kSystem) --begin;
    return {begin, end};
}

const std::vector<ChatMessage>& some_message(std::size_t which) {
    static const std::vector<ChatMessage> kSome[] = {{{Role::kUser, "Alpha", {}, {}, {}, {}}},
                                                     {{Role::kUser, "7 beta", {}, {}, {}, {}}}};
    return kSome[which];
}

// Turns that are left out before the next message is known.
Result<std::size_t> settled_turns(const Engine& engine, const Conversation& conversation, Thinking thinking) {
    const Position message = message_tokens(engine, last_added(conversation.messages));
    const Position most = tokens_max(engine);
    const Position expected = std::min(most, message + message / kMessageShareMore);
    return least_that_fits(engine, conversation, turns_of(conversation, some_message(0), thinking), 0,
                           most - expected);
}

}  // namespace

Position answer_allowance(std::uint32_t answer_tokens_max, Position context_tokens) {
    return std::min<Position>(answer_tokens_max, context_tokens / kContextShareLeft);
}

Position message_tokens(const Engine& engine, std::span<const ChatMessage> messages) {
    Position count = 0;
    for (const ChatMessage& message : messages) {
        const auto tokens = engine.tokenize(message.content, SpecialTokens::kAsText, SequenceStart::kNo);
        count += kMessageFrameTokens + (tokens ? static_cast<Position>(tokens->size()) : 0);
    }
    return count;
}

Result<FittedPrompt> fit_prompt(const Engine& engine, const Conversation& conversation,
                                std::span<const ChatMessage> added, Thinking thinking) {
    const Turns turns = turns_of(conversation, added, thinking);
    KVASIR_TRY_ASSIGN(const std::size_t settled, settled_turns(engine, conversation, thinking));
    std::size_t dropped = std::min(settled, turns.most());
    KVASIR_TRY_ASSIGN(Prompt prompt, render_whole(engine, conversation, turns.without(dropped)));
    if (prompt.tokens.size() > tokens_max(engine) && dropped < turns.most()) {
        KVASIR_TRY_ASSIGN(dropped,
                          least_that_fits(engine, conversation, turns, dropped + 1, tokens_max(engine)));
        KVASIR_TRY_ASSIGN(prompt, render_whole(engine, conversation, turns.without(dropped)));
    }
    return FittedPrompt{std::move(prompt), static_cast<std::uint32_t>(dropped)};
}

Result<std::vector<Token>> kept_tokens(const Engine& engine, const Conversation& conversation,
                                       Thinking thinking) {
    KVASIR_TRY_ASSIGN(const std::size_t dropped, settled_turns(engine, conversation, thinking));
    if (dropped == 0) return std::vector<Token>();
    std::vector<Token> kept;
    for (const std::size_t which : {0U, 1U}) {
        const Turns turns = turns_of(conversation, some_message(which), thinking);
        KVASIR_TRY_ASSIGN(Prompt prompt, render_whole(engine, conversation, turns.without(dropped)));
        if (which == 0)
            kept = std::move(prompt.tokens);
        else
            kept.resize(common_prefix(kept, prompt.tokens));
    }
    return kept;
}

}  // namespace kvasir
