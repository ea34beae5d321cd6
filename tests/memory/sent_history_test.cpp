// Histories that clients send again, changed as clients change them: what means the same is found, what does
// not is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/sending_client.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

class SentHistories : public MemoryTest {
  protected:
    SentHistories() : world_(options()) {}

    // Asks, and appends the answer to `messages`.
    TurnResult ask(std::vector<ChatMessage>& messages, const std::vector<ToolDefinition>& tools = {}) {
        TurnRequest request = sent("ada", messages);
        request.tools = tools;
        const auto dry = world_.memory().match(request);
        auto turn = drive(world_, std::move(request));
        EXPECT_TRUE(turn && dry) << (turn ? "" : turn.error().message);
        if (!turn || !dry) return {};
        EXPECT_EQ(dry->prompt_tokens, turn->metrics.prompt_tokens) << "a dry run says what comes";
        EXPECT_EQ(dry->not_reused_reason == "prefix_changed", turn->metrics.changed_field != "");
        messages.push_back(said(Role::kAssistant, turn->text));
        known_ = turn->metrics.prompt_tokens + turn->metrics.answer_tokens;
        return *turn;
    }
    MatchReport last() const { return world_memory().match_reports("ada").front(); }
    const AgentMemory& world_memory() const { return const_cast<World&>(world_).memory(); }
    bool all_reused(const TurnResult& turn) const { return turn.metrics.reused_tokens == before_ - 1; }
    void note() { before_ = known_; }

    World world_;
    Position known_ = 0;   // tokens of the conversation after the last turn
    Position before_ = 0;  // the same before it
};
KVASIR_BOTH_MODELS(SentHistories);

std::vector<ChatMessage> with_a_call(const std::string& id, const std::string& arguments) {
    return {said(Role::kSystem, "You are Ada. " + words(300)),
            said(Role::kUser, "look"),
            {Role::kAssistant, "I look.", "", {{id, "look", arguments}}, "", ""},
            {Role::kTool, "a cat", "", {}, id, "look"}};
}

TEST_P(SentHistories, RenamedCallsAndOtherJsonAreTheSameConversation) {
    auto messages = with_a_call("call_1", R"({"at": 1.0, "how": "\u0061b"})");
    ask(messages);
    auto changed = with_a_call("toolu_77", R"({"how":"ab","at":1})");
    changed.push_back(messages.back());
    changed.push_back(said(Role::kUser, "and now?"));
    note();
    const TurnResult turn = ask(changed);
    EXPECT_TRUE(all_reused(turn)) << turn.metrics.reused_tokens << " of " << turn.metrics.prompt_tokens;
    EXPECT_EQ(last().by, MatchedBy::kMessages);
    EXPECT_FALSE(last().difference);
}

TEST_P(SentHistories, AnotherArgumentIsAnotherConversationAndTold) {
    auto messages = with_a_call("call_1", R"({"at":1})");
    ask(messages);
    messages.push_back(said(Role::kUser, "more"));
    ask(messages);
    auto changed = messages;
    changed[2].tool_calls[0].arguments = R"({"at":2})";
    changed.push_back(said(Role::kUser, "and now?"));
    note();
    const TurnResult turn = ask(changed);
    EXPECT_LT(turn.metrics.reused_tokens, before_ / 2 + 300);
    EXPECT_EQ(turn.metrics.not_reused_reason, "prefix_changed");
    EXPECT_EQ(turn.metrics.changed_field, "messages[2].tool_calls");
    EXPECT_EQ(last().difference->stored, R"(look({"at":1}))");
    EXPECT_EQ(last().difference->received, R"(look({"at":2}))");
}

TEST_P(SentHistories, ResultsThatAnswerOtherCallsAreAnotherConversation) {
    const auto two = [](const char* first, const char* second) {
        return std::vector<ChatMessage>{
            said(Role::kUser, "look"),
            {Role::kAssistant, "", "", {{"a", "look", "{}"}, {"b", "look", "{}"}}, "", ""},
            {Role::kTool, "a cat", "", {}, first, "look"},
            {Role::kTool, "a dog", "", {}, second, "look"}};
    };
    auto messages = two("a", "b");
    ask(messages);
    auto swapped = two("b", "a");
    swapped.push_back(messages.back());
    swapped.push_back(said(Role::kUser, "so?"));
    ask(swapped);
    EXPECT_EQ(last().messages_known, 0U);
    EXPECT_EQ(last().difference->field, "messages[2].tool_call_id");
}

TEST_P(SentHistories, WhatRendersToTheSameTextIsTheSameConversation) {
    std::vector<ChatMessage> messages{said(Role::kSystem, "You are Ada. " + words(300)),
                                      said(Role::kUser, "first"), said(Role::kUser, "and more")};
    ask(messages);
    messages.push_back(said(Role::kUser, "second"));
    ask(messages);
    auto changed = messages;
    // One message that reads like the two.
    changed[1].content = "first<|im_end|>\n<|im_start|>user\nand more";
    changed.erase(changed.begin() + 2);
    changed.push_back(said(Role::kUser, "third"));
    note();
    const TurnResult turn = ask(changed);
    EXPECT_TRUE(all_reused(turn)) << turn.metrics.reused_tokens << " of " << turn.metrics.prompt_tokens;
    EXPECT_EQ(last().by, MatchedBy::kText);
    EXPECT_EQ(last().turn, 2U);
    EXPECT_EQ(turn.turn, 3U);
    EXPECT_EQ(turn.metrics.not_reused_reason, "");
    // From here on it is found by what this client sends.
    world_.restart();
    changed.push_back(said(Role::kUser, "fourth"));
    note();
    EXPECT_TRUE(all_reused(ask(changed)));
    EXPECT_EQ(last().by, MatchedBy::kMessages);
}

TEST_P(SentHistories, AnEditedMessageIsToldWithBothTextsAndWhatToDo) {
    std::vector<ChatMessage> messages{said(Role::kSystem, "You are Ada."),
                                      said(Role::kUser, words(200) + " Monday")};
    ask(messages);
    messages.push_back(said(Role::kUser, "second"));
    ask(messages);
    auto edited = messages;
    edited[1].content = words(200) + " Tuesday";
    edited.push_back(said(Role::kUser, "third"));
    const TurnResult turn = ask(edited);
    EXPECT_EQ(turn.metrics.changed_field, "messages[1].content");
    const auto difference = *last().difference;
    EXPECT_THAT(difference.stored, HasSubstr("Monday"));
    EXPECT_THAT(difference.received, HasSubstr("Tuesday"));
    EXPECT_THAT(difference.fix, HasSubstr("only add messages at the end"));
    edited = messages;
    edited[2].content += " indeed";
    edited.push_back(said(Role::kUser, "third"));
    ask(edited);
    EXPECT_EQ(last().difference->field, "messages[2].content");
    EXPECT_THAT(last().difference->fix, HasSubstr("as it was given"));
    edited = {messages[0], messages[3], messages[4], said(Role::kUser, "third")};
    ask(edited);
    EXPECT_EQ(last().difference->field, "messages[1].content");
}

TEST_P(SentHistories, AChangedBeginningIsToldAndANewOneIsNone) {
    std::vector<ChatMessage> messages{said(Role::kSystem, "Today is 2026-11-25. " + words(200)),
                                      said(Role::kUser, "first")};
    const std::vector<ToolDefinition> tools{{"look", "Looks", "{}"}, {"wait", "", "{}"}};
    ask(messages, tools);
    std::vector<ChatMessage> tomorrow{said(Role::kSystem, "Today is 2026-11-26. " + words(200)),
                                      said(Role::kUser, "first")};
    EXPECT_EQ(ask(tomorrow, tools).metrics.changed_field, "messages[0].content")
        << "both begin alike, and differ in a date";
    EXPECT_THAT(last().difference->received, HasSubstr("2026-11-26"));
    EXPECT_THAT(last().difference->fix, HasSubstr("a date, a time or an id"));
    std::vector<ChatMessage> other_tools{messages[0], said(Role::kUser, "first")};
    ask(other_tools, {{"look", "Looks around", "{}"}, {"wait", "", "{}"}});
    EXPECT_EQ(last().difference->field, "tools[0].description");
    std::vector<ChatMessage> title{said(Role::kSystem, "Make a title."), said(Role::kUser, "first")};
    EXPECT_EQ(ask(title).metrics.changed_field, "");
    EXPECT_FALSE(last().difference) << "a side call is no changed conversation";
}

TEST_P(SentHistories, ADryRunChangesNothingAndKnowsWhatIsThere) {
    std::vector<ChatMessage> messages{said(Role::kSystem, words(300)), said(Role::kUser, "first")};
    const auto unknown = world_.memory().match(sent("ada", messages));
    ASSERT_TRUE(unknown);
    EXPECT_EQ(unknown->by, MatchedBy::kNothing);
    EXPECT_FALSE(world_.memory().show("ada")) << "nobody was made";
    ask(messages);
    messages.push_back(said(Role::kUser, "second"));
    world_.restart();
    const auto dry = world_.memory().match(sent("ada", messages));
    ASSERT_TRUE(dry);
    EXPECT_EQ(world_.memory().show("ada")->turn_count, 1U);
    EXPECT_EQ(world_.engine().counters().total(), 0U);
    EXPECT_EQ(dry->messages_known, 3U);
    EXPECT_EQ(dry->reused_tokens, ask(messages).metrics.reused_tokens);
}

}  // namespace
}  // namespace kvasir::test
