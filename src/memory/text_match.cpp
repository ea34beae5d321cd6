#include "memory/text_match.h"

#include <algorithm>
#include <string>
#include <utility>

#include "memory/prompt.h"

namespace kvasir {

namespace {

// Siblings that are looked at: retries and branches of one turn, the newest first.
constexpr std::uint32_t kSiblingsMax = 16;

std::string text_of_tokens(const Engine& engine, std::span<const Token> tokens) {
    std::string text;
    for (const Token token : tokens) text += engine.piece(token, SpecialTokens::kParse);
    return text;
}

}  // namespace

std::size_t messages_to_answer(std::span<const ChatMessage> messages) {
    const auto answer = std::find_if(messages.begin(), messages.end(), [](const ChatMessage& message) {
        return message.role == Role::kAssistant;
    });
    return answer == messages.end() ? 0 : static_cast<std::size_t>(answer - messages.begin()) + 1;
}

Result<std::optional<TextMatch>> match_text(const Engine& engine, Catalog& catalog, const Conversation& from,
                                            std::span<const ChatMessage> added, Thinking thinking) {
    if (messages_to_answer(added) == 0 || messages_to_answer(added) == added.size())
        return std::optional<TextMatch>();
    KVASIR_TRY_ASSIGN(const Prompt prompt, make_prompt(engine, from, added, thinking));
    auto end = static_cast<Position>(from.tokens.size());
    if (prompt.history_end < end) return std::optional<TextMatch>();
    const std::string text = text_of_tokens(engine, std::span(prompt.tokens).subspan(end));
    std::string_view rest = text;
    std::optional<TurnId> reached;
    std::size_t covered = 0;
    for (;;) {
        const std::size_t next = messages_to_answer(added.subspan(covered));
        if (next == 0 || covered + next == added.size()) break;
        KVASIR_TRY_ASSIGN(const auto turns,
                          catalog.turns_after(from.agent.id, reached.value_or(from.parent()), kSiblingsMax));
        std::size_t bytes = 0;
        const auto same = std::find_if(turns.begin(), turns.end(), [&](const TurnRecord& turn) {
            if (turn.token_begin != end || !turn.conversation_key) return false;
            const std::string stored = text_of_tokens(engine, turn.tokens);
            bytes = stored.size();
            return bytes > 0 && bytes < rest.size() && rest.starts_with(stored);
        });
        if (same == turns.end()) break;
        reached = same->id;
        end = same->token_end();
        rest.remove_prefix(bytes);
        covered += next;
    }
    if (!reached) return std::optional<TextMatch>();
    KVASIR_TRY_ASSIGN(auto path, catalog.path_to(*reached));
    KVASIR_TRY_ASSIGN(Conversation conversation, conversation_at(from.agent, std::move(path)));
    return std::optional<TextMatch>(TextMatch{std::move(conversation), covered});
}

}  // namespace kvasir
