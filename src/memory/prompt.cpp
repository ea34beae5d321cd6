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

ChatPrompt opening(const std::string& system_prompt, std::int64_t now_unix_ms) {
    ChatPrompt prompt;
    prompt.now_unix_ms = now_unix_ms;
    if (!system_prompt.empty()) prompt.messages.push_back({Role::kSystem, system_prompt});
    return prompt;
}

// The whole conversation as messages, the new one last.
ChatPrompt all_messages(const Conversation& conversation, const std::string& message) {
    ChatPrompt prompt = opening(conversation.agent.system_prompt, conversation.agent.created_unix_ms);
    for (const TurnRecord& turn : conversation.turns) {
        if (turn.number == 0) continue;
        prompt.messages.push_back({Role::kUser, turn.user_text});
        prompt.messages.push_back({Role::kAssistant, turn.assistant_text});
    }
    prompt.messages.push_back({Role::kUser, message});
    return prompt;
}

// Where the same messages without the generation prompt stop being a prefix of `tokens`.
Position end_of_messages(const Engine& engine, ChatPrompt prompt, const std::vector<Token>& tokens) {
    prompt.generation_prompt = GenerationPrompt::kNo;
    const auto without = tokens_of(engine, prompt);
    return without ? common_prefix(*without, tokens) : 0;
}

Result<Prompt> render_everything(const Engine& engine, const Conversation& conversation,
                                 const std::string& message) {
    const ChatPrompt messages = all_messages(conversation, message);
    Prompt prompt;
    KVASIR_TRY_ASSIGN(prompt.tokens, tokens_of(engine, messages));
    prompt.history_end = common_prefix(conversation.tokens, prompt.tokens);
    prompt.message_end = end_of_messages(engine, messages, prompt.tokens);
    return prompt;
}

// A word that stands in for the last answer and occurs nowhere else.
std::string sentinel_for(const std::string& message) {
    std::string sentinel = "Kvasir7Answer";
    for (int i = 0; message.find(sentinel) != std::string::npos; ++i)
        sentinel += std::to_string(i % 10) + "Z";
    return sentinel;
}

// What the template puts after the last answer; nullopt when the answer does not come back.
Result<std::optional<std::string>> text_after_answer(const Engine& engine, const ChatPrompt& prompt,
                                                     const std::string& sentinel) {
    KVASIR_TRY_ASSIGN(const std::string text, engine.render_chat(prompt));
    const std::size_t found = text.rfind(sentinel);
    if (found == std::string::npos) return std::optional<std::string>();
    return std::optional<std::string>(text.substr(found + sentinel.size()));
}

// The answer ended with that token itself: it stands at the end of the stored tokens.
void skip_end_of_turn(const Engine& engine, const Conversation& conversation, std::string& delta) {
    if (conversation.tokens.empty() || !engine.is_end_of_turn(conversation.tokens.back())) return;
    const std::string piece = engine.piece(conversation.tokens.back(), SpecialTokens::kParse);
    if (!piece.empty() && delta.starts_with(piece)) delta.erase(0, piece.size());
}

Result<std::optional<Prompt>> extend(const Engine& engine, const Conversation& conversation,
                                     const std::string& message) {
    ChatPrompt messages = all_messages(conversation, message);
    const std::string sentinel = sentinel_for(message);
    messages.messages[messages.messages.size() - 2].content = sentinel;
    KVASIR_TRY_ASSIGN(auto delta, text_after_answer(engine, messages, sentinel));
    if (!delta) return std::optional<Prompt>();
    skip_end_of_turn(engine, conversation, *delta);
    KVASIR_TRY_ASSIGN(const auto added, engine.tokenize(*delta, SpecialTokens::kParse, SequenceStart::kNo));
    if (added.empty()) return std::optional<Prompt>();
    Prompt prompt;
    prompt.tokens = conversation.tokens;
    prompt.tokens.insert(prompt.tokens.end(), added.begin(), added.end());
    prompt.history_end = static_cast<Position>(conversation.tokens.size());
    messages.generation_prompt = GenerationPrompt::kNo;
    auto without = text_after_answer(engine, messages, sentinel);
    if (without && *without) {
        skip_end_of_turn(engine, conversation, **without);
        const auto message_tokens = engine.tokenize(**without, SpecialTokens::kParse, SequenceStart::kNo);
        if (message_tokens) prompt.message_end = prompt.history_end + common_prefix(*message_tokens, added);
    }
    return std::optional<Prompt>(std::move(prompt));
}

}  // namespace

Position Conversation::prefix_end() const {
    if (turns.empty()) return 0;
    // A later turn may have diverged inside the prefix.
    Position end = static_cast<Position>(turns.front().tokens.size());
    for (const TurnRecord& turn : turns) {
        if (turn.number > 0) end = std::min(end, turn.token_begin);
    }
    return end;
}

Position Conversation::rows_end() const {
    const auto size = static_cast<Position>(tokens.size());
    return turns.size() > 1 && size > 0 ? size - 1 : size;
}

Result<std::vector<Token>> system_prefix(const Engine& engine, const std::string& system_prompt,
                                         std::int64_t created_unix_ms) {
    std::vector<std::vector<Token>> renderings;
    for (const char* message : {"Alpha", "7 beta"}) {
        ChatPrompt prompt = opening(system_prompt, created_unix_ms);
        prompt.messages.push_back({Role::kUser, message});
        KVASIR_TRY_ASSIGN(auto tokens, tokens_of(engine, prompt));
        renderings.push_back(std::move(tokens));
    }
    renderings[0].resize(common_prefix(renderings[0], renderings[1]));
    return std::move(renderings[0]);
}

Result<Prompt> make_prompt(const Engine& engine, const Conversation& conversation,
                           const std::string& message) {
    if (conversation.turns.size() > 1) {
        KVASIR_TRY_ASSIGN(auto extended, extend(engine, conversation, message));
        if (extended) return std::move(*extended);
    }
    return render_everything(engine, conversation, message);
}

}  // namespace kvasir
