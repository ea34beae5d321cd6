#include "memory/match_report.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "memory/utf8.h"

namespace kvasir {

namespace {

constexpr std::uint32_t kCandidatesMax = 16;
constexpr std::size_t kExcerptBefore = 60;
constexpr std::size_t kExcerptAfter = 120;
// Openings that share less than half of their text, at both ends, are different ones and not a changed one.
constexpr std::size_t kLikeShare = 2;

std::size_t common_bytes(std::string_view a, std::string_view b) {
    const auto [first, second] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(first - a.begin());
}

std::size_t bytes_alike(std::string_view a, std::string_view b) {
    const std::size_t begin = common_bytes(a, b);
    const auto [first, second] = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
    const auto end = static_cast<std::size_t>(first - a.rbegin());
    return std::min({begin + end, a.size(), b.size()});
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

// The text around `at`, with whole characters.
std::string excerpt(std::string_view text, std::size_t at) {
    std::size_t begin = at > kExcerptBefore ? at - kExcerptBefore : 0;
    while (begin > 0 && !begins_character(text[begin])) --begin;
    std::size_t end = std::min(text.size(), at + kExcerptAfter);
    while (end < text.size() && !begins_character(text[end])) ++end;
    return std::string(begin > 0 ? "..." : "") + std::string(text.substr(begin, end - begin)) +
           (end < text.size() ? "..." : "");
}

bool is_counting(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

std::string system_fix(std::string_view stored, std::string_view received, std::size_t at) {
    const bool volatile_text = is_counting(stored.substr(std::min(at, stored.size()), 24)) &&
                               is_counting(received.substr(std::min(at, received.size()), 24));
    if (volatile_text)
        return "the system prompt holds a date, a time or an id that changes: move it into the last user "
               "message, or "
               "leave it out";
    return "a changed system prompt is another beginning, and everything after it is read anew: send it "
           "unchanged";
}

std::string fix_of(Role role, std::string_view field) {
    if (role == Role::kAssistant)
        return "the client does not return the answer as it was given: send it back with its " +
               std::string(field) + " unchanged";
    if (role == Role::kSystem)
        return "a system message in the middle has changed: everything after it is read anew; add new ones "
               "at the end";
    return "an earlier message was rewritten (shortened, summarised or edited): everything after it is read "
           "anew; only "
           "add messages at the end";
}

MatchDifference difference(std::string field, std::string_view stored, std::string_view received,
                           std::string fix) {
    const std::size_t at = common_bytes(stored, received);
    return {std::move(field), excerpt(stored, at), excerpt(received, at), std::move(fix)};
}

std::string element(std::size_t index) { return "messages[" + std::to_string(index) + "]"; }

std::string calls_text(const ChatMessage& message) {
    std::string text;
    for (const ToolCall& call : message.tool_calls)
        text += (text.empty() ? "" : ", ") + call.name + "(" + canonical_json(call.arguments) + ")";
    return text;
}

// Which call a result answers, whatever the ids are called.
class CallNumbers {
  public:
    void add(const ChatMessage& message) {
        for (const ToolCall& call : message.tool_calls) numbers_[call.id] = ++count_;
    }
    std::string of(const std::string& id) const {
        const auto found = numbers_.find(id);
        return found == numbers_.end() ? id : "call " + std::to_string(found->second);
    }

  private:
    std::map<std::string, std::size_t> numbers_;
    std::size_t count_ = 0;
};

std::optional<MatchDifference> message_difference(const ChatMessage& stored, const ChatMessage& received,
                                                  std::size_t index) {
    if (stored.role != received.role)
        return difference(element(index) + ".role", to_string(stored.role), to_string(received.role),
                          "another message stands there than before: only add messages at the end");
    const bool answer = stored.role == Role::kAssistant;
    const std::string_view before = answer ? trimmed(stored.content) : stored.content;
    const std::string_view now = answer ? trimmed(received.content) : received.content;
    if (before != now)
        return difference(element(index) + ".content", before, now, fix_of(stored.role, "content"));
    if (calls_text(stored) != calls_text(received))
        return difference(element(index) + ".tool_calls", calls_text(stored), calls_text(received),
                          fix_of(stored.role, "tool_calls"));
    if (stored.name != received.name)
        return difference(element(index) + ".name", stored.name, received.name, fix_of(stored.role, "name"));
    return std::nullopt;
}

struct Comparison {
    std::size_t equal = 0;  // messages
    std::optional<MatchDifference> difference;
};

// Messages that stand at `first`, after those whose calls are numbered.
Comparison compare(std::span<const ChatMessage> stored, CallNumbers stored_calls,
                   std::span<const ChatMessage> received, CallNumbers received_calls, std::size_t first) {
    Comparison comparison;
    const std::size_t size = std::min(stored.size(), received.size());
    for (std::size_t i = 0; i < size; ++i) {
        comparison.difference = message_difference(stored[i], received[i], first + i);
        const std::string before = stored_calls.of(stored[i].tool_call_id);
        const std::string now = received_calls.of(received[i].tool_call_id);
        if (!comparison.difference && before != now)
            comparison.difference = difference(element(first + i) + ".tool_call_id", before, now,
                                               "a result answers another call than before: keep their order");
        if (comparison.difference) return comparison;
        stored_calls.add(stored[i]);
        received_calls.add(received[i]);
        ++comparison.equal;
    }
    if (stored.size() > received.size())
        comparison.difference =
            MatchDifference{element(first + size), excerpt(stored[size].content, 0), "",
                            "a message is missing that was there before: send the whole history"};
    return comparison;
}

std::optional<MatchDifference> tools_difference(const std::vector<ToolDefinition>& stored,
                                                const std::vector<ToolDefinition>& received) {
    const std::string fix =
        "tools stand before everything else in the prompt: send the same ones, unchanged and in the same "
        "order";
    const std::size_t size = std::min(stored.size(), received.size());
    for (std::size_t i = 0; i < size; ++i) {
        const std::string tool = "tools[" + std::to_string(i) + "].";
        if (stored[i].name != received[i].name)
            return difference(tool + "name", stored[i].name, received[i].name, fix);
        if (stored[i].description != received[i].description)
            return difference(tool + "description", stored[i].description, received[i].description, fix);
        const std::string before = canonical_json(stored[i].parameters);
        const std::string now = canonical_json(received[i].parameters);
        if (before != now) return difference(tool + "parameters", before, now, fix);
    }
    if (stored.size() == received.size()) return std::nullopt;
    const auto names = [](const std::vector<ToolDefinition>& tools) {
        std::string text;
        for (const ToolDefinition& tool : tools) text += (text.empty() ? "" : ", ") + tool.name;
        return text;
    };
    return difference("tools", names(stored), names(received), fix);
}

std::string system_text(const std::vector<ChatMessage>& messages) {
    std::string text;
    for (const ChatMessage& message : messages) text += (text.empty() ? "" : "\n\n") + message.content;
    return text;
}

}  // namespace

Result<std::optional<MatchDifference>> find_difference(Catalog& catalog, const Conversation& conversation,
                                                       std::span<const ChatMessage> sent, std::size_t known) {
    const auto added = sent.subspan(known);
    CallNumbers stored_calls;
    CallNumbers received_calls;
    for (const ChatMessage& message : conversation.messages) stored_calls.add(message);
    for (const ChatMessage& message : sent.first(known)) received_calls.add(message);
    KVASIR_TRY_ASSIGN(const auto turns,
                      catalog.turns_after(conversation.agent.id, conversation.parent(), kCandidatesMax));
    std::optional<MatchDifference> found;
    std::optional<std::size_t> equal;
    for (const TurnRecord& turn : turns) {
        if (!turn.conversation_key) continue;
        KVASIR_TRY_ASSIGN(const TurnMessages stored, decode_messages(turn.messages));
        Comparison comparison = compare(stored.messages, stored_calls, added, received_calls, known);
        if (!comparison.difference || (equal && comparison.equal <= *equal)) continue;
        equal = comparison.equal;
        found = std::move(comparison.difference);
    }
    return found;
}

Result<std::optional<MatchDifference>> find_opening_difference(Catalog& catalog, AgentId agent,
                                                               TurnId own_root, const Opening& opening) {
    KVASIR_TRY_ASSIGN(const auto roots, catalog.turns_after(agent, std::nullopt, kCandidatesMax));
    const std::string received = system_text(opening.messages);
    std::optional<MatchDifference> found;
    std::size_t most = 0;
    for (const TurnRecord& root : roots) {
        if (root.id == own_root || !root.conversation_key) continue;
        KVASIR_TRY_ASSIGN(const TurnMessages stored, decode_messages(root.messages));
        const std::string before = system_text(stored.messages);
        const std::size_t common = bytes_alike(before, received);
        const bool alike = common * kLikeShare >= std::max(before.size(), received.size());
        if (!alike || (found && common < most)) continue;
        auto tools = tools_difference(stored.tools, opening.tools);
        if (!tools && before == received) continue;
        most = common;
        found = tools ? std::move(tools)
                      : difference("messages[0].content", before, received,
                                   system_fix(before, received, common_bytes(before, received)));
    }
    return found;
}

void MatchLog::add(MatchReport report) {
    reports_.push_front(std::move(report));
    if (reports_.size() > kReportsMax) reports_.pop_back();
}

std::vector<MatchReport> MatchLog::of(const std::string& agent) const {
    std::vector<MatchReport> found;
    std::copy_if(reports_.begin(), reports_.end(), std::back_inserter(found),
                 [&](const MatchReport& report) { return report.agent == agent; });
    return found;
}

std::optional<MatchReport> MatchLog::find(const std::string& request_id) const {
    const auto found = std::find_if(reports_.begin(), reports_.end(), [&](const MatchReport& report) {
        return report.request_id == request_id;
    });
    return found == reports_.end() ? std::nullopt : std::optional<MatchReport>(*found);
}

}  // namespace kvasir
