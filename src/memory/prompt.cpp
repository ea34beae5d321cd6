#include "memory/prompt.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "memory/token_chain.h"

namespace kvasir {

namespace {

Result<std::vector<Token>> tokens_of(const Engine& engine, const ChatPrompt& prompt) {
    KVASIR_TRY_ASSIGN(const std::string text, engine.render_chat(prompt));
    return engine.tokenize(text, SpecialTokens::kParse, SequenceStart::kYes);
}

Result<std::vector<Token>> tokens_of(const Engine& engine, std::string_view text, SequenceStart start) {
    return engine.tokenize(text, SpecialTokens::kParse, start);
}

// Where the text without the generation prompt stops being a prefix of `tokens`.
Position end_of_messages(const Engine& engine, std::string_view text, SequenceStart start,
                         const std::vector<Token>& tokens) {
    const auto without = tokens_of(engine, text, start);
    return without ? common_prefix(*without, tokens) : 0;
}

// A word that stands in for the last answer and occurs nowhere after it.
std::string sentinel_for(std::span<const ChatMessage> added) {
    std::string sentinel = "Kvasir7Answer";
    const auto occurs = [&](const ChatMessage& message) {
        return message.content.find(sentinel) != std::string::npos;
    };
    for (int i = 0; std::any_of(added.begin(), added.end(), occurs); ++i)
        sentinel += std::to_string(i % 10) + "Z";
    return sentinel;
}

// Where the stored tokens end inside the rendering of the last answer.
struct AnswerEndMark {
    std::string sentinel;
    std::string end_of_turn;  // text of the token that ended the answer; "" none
    bool in_tool_call = false;
};

// What the template puts after the last answer.
struct TextAfterAnswer {
    std::string text;
    std::size_t messages_end = 0;  // of it, before the generation prompt
};

// nullopt when the answer does not come back.
Result<std::optional<TextAfterAnswer>> text_after_answer(const Engine& engine, const ChatPrompt& prompt,
                                                         const AnswerEndMark& mark) {
    KVASIR_TRY_ASSIGN(const RenderedChat rendered, engine.render(prompt));
    const std::size_t found = rendered.text.rfind(mark.sentinel);
    if (found == std::string::npos) return std::optional<TextAfterAnswer>();
    TextAfterAnswer after{rendered.text.substr(found + mark.sentinel.size())};
    if (mark.in_tool_call) {
        // The call's own closing text follows; the stored tokens go on to the end of the turn.
        const std::size_t end =
            mark.end_of_turn.empty() ? std::string::npos : after.text.find(mark.end_of_turn);
        if (end == std::string::npos) return std::optional<TextAfterAnswer>();
        after.text.erase(0, end);
    }
    // The answer ended with that token itself: it stands at the end of the stored tokens.
    if (!mark.end_of_turn.empty() && after.text.starts_with(mark.end_of_turn))
        after.text.erase(0, mark.end_of_turn.size());
    const std::size_t generation_bytes = rendered.text.size() - rendered.messages_end;
    after.messages_end = after.text.size() - std::min(after.text.size(), generation_bytes);
    return std::optional<TextAfterAnswer>(std::move(after));
}

AnswerEndMark mark_answer(const Engine& engine, const Conversation& conversation,
                          std::span<const ChatMessage> added, ChatMessage& answer) {
    AnswerEndMark mark;
    mark.sentinel = sentinel_for(added);
    if (!conversation.tokens.empty() && engine.is_end_of_turn(conversation.tokens.back()))
        mark.end_of_turn = engine.piece(conversation.tokens.back(), SpecialTokens::kParse);
    mark.in_tool_call = !answer.tool_calls.empty();
    if (mark.in_tool_call)
        answer.tool_calls.back().arguments = "{\"" + mark.sentinel + "\":\"" + mark.sentinel + "\"}";
    else
        answer.content = mark.sentinel;
    return mark;
}

Result<std::optional<Prompt>> extend(const Engine& engine, const Conversation& conversation,
                                     std::span<const ChatMessage> added, ChatPrompt messages) {
    ChatMessage& answer = messages.messages[messages.messages.size() - added.size() - 1];
    if (answer.role != Role::kAssistant) return std::optional<Prompt>();
    const AnswerEndMark mark = mark_answer(engine, conversation, added, answer);
    KVASIR_TRY_ASSIGN(const auto delta, text_after_answer(engine, messages, mark));
    if (!delta) return std::optional<Prompt>();
    const std::string_view text = delta->text;
    KVASIR_TRY_ASSIGN(const auto tokens, tokens_of(engine, text, SequenceStart::kNo));
    if (tokens.empty()) return std::optional<Prompt>();
    Prompt prompt;
    prompt.tokens = conversation.tokens;
    prompt.tokens.insert(prompt.tokens.end(), tokens.begin(), tokens.end());
    prompt.history_end = static_cast<Position>(conversation.tokens.size());
    prompt.message_end = prompt.history_end + end_of_messages(engine, text.substr(0, delta->messages_end),
                                                              SequenceStart::kNo, tokens);
    return std::optional<Prompt>(std::move(prompt));
}

}  // namespace

Result<Prompt> render_whole(const Engine& engine, const Conversation& conversation,
                            const ChatPrompt& messages) {
    KVASIR_TRY_ASSIGN(const RenderedChat rendered, engine.render(messages));
    const std::string_view text = rendered.text;
    Prompt prompt;
    KVASIR_TRY_ASSIGN(prompt.tokens, tokens_of(engine, text, SequenceStart::kYes));
    prompt.history_end = common_prefix(conversation.tokens, prompt.tokens);
    prompt.message_end =
        end_of_messages(engine, text.substr(0, rendered.messages_end), SequenceStart::kYes, prompt.tokens);
    return prompt;
}

Result<std::vector<Token>> system_prefix(const Engine& engine, const Opening& opening,
                                         std::int64_t created_unix_ms) {
    std::vector<std::vector<Token>> renderings;
    for (const char* message : {"Alpha", "7 beta"}) {
        ChatPrompt prompt;
        prompt.messages = opening.messages;
        prompt.tools = opening.tools;
        prompt.now_unix_ms = created_unix_ms;
        prompt.messages.push_back({Role::kUser, message, {}, {}, {}, {}});
        KVASIR_TRY_ASSIGN(auto tokens, tokens_of(engine, prompt));
        renderings.push_back(std::move(tokens));
    }
    renderings[0].resize(common_prefix(renderings[0], renderings[1]));
    return std::move(renderings[0]);
}

ChatPrompt chat_prompt(const Conversation& conversation, std::span<const ChatMessage> added,
                       Thinking thinking) {
    ChatPrompt prompt;
    prompt.messages = conversation.messages;
    prompt.messages.insert(prompt.messages.end(), added.begin(), added.end());
    prompt.tools = conversation.tools;
    prompt.now_unix_ms = conversation.agent.created_unix_ms;
    prompt.thinking = thinking;
    return prompt;
}

Result<Prompt> make_raw_prompt(const Engine& engine, const RawPrompt& raw) {
    Prompt prompt;
    if (const auto* text = std::get_if<std::string>(&raw)) {
        KVASIR_TRY_ASSIGN(prompt.tokens, engine.tokenize(*text, SpecialTokens::kParse, SequenceStart::kYes));
    } else {
        prompt.tokens = std::get<std::vector<Token>>(raw);
    }
    const std::uint32_t vocabulary = engine.model().vocabulary_size;
    for (const Token token : prompt.tokens) {
        if (token >= 0 && static_cast<std::uint32_t>(token) < vocabulary) continue;
        return fail(ErrorCode::kInvalidArgument, "the prompt holds token " + std::to_string(token) +
                                                     " and this model has tokens 0 to " +
                                                     std::to_string(vocabulary - 1));
    }
    if (prompt.tokens.empty()) return fail(ErrorCode::kInvalidArgument, "the prompt is empty");
    return prompt;
}

std::string text_of(const Engine& engine, const RawPrompt& raw) {
    if (const auto* text = std::get_if<std::string>(&raw)) return *text;
    std::string text;
    for (const Token token : std::get<std::vector<Token>>(raw))
        text += engine.piece(token, SpecialTokens::kParse);
    return text;
}

Result<Prompt> make_prompt(const Engine& engine, const Conversation& conversation,
                           std::span<const ChatMessage> added, Thinking thinking) {
    const ChatPrompt messages = chat_prompt(conversation, added, thinking);
    if (conversation.turns.size() > 1) {
        KVASIR_TRY_ASSIGN(auto extended, extend(engine, conversation, added, messages));
        if (extended) return std::move(*extended);
    }
    return render_whole(engine, conversation, messages);
}

}  // namespace kvasir
