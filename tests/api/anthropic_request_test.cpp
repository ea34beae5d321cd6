// What Anthropic clients send, and what is made of it.
#include <string>

#include <gmock/gmock.h>

#include "api/anthropic.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ChatRequest parsed(const std::string& json) {
    const auto request = parse_anthropic_messages(json);
    EXPECT_TRUE(request) << request.error().message;
    return request.value_or(ChatRequest());
}

ChatRequest parsed_with(const std::string& fields) {
    return parsed(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],)" + fields +
                  "}");
}

// The form of a coding agent's first and second request.
TEST(AnthropicRequestTest, OfACodingAgentIsReadWhole) {
    const ChatRequest request = parsed(R"({
        "model": "claude-x", "max_tokens": 32000, "stream": true, "temperature": 1, "top_k": 5, "top_p": 0.5,
        "stop_sequences": ["</end>"], "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
        "metadata": {"user_id": "{\"device_id\":\"d\",\"session_id\":\"5f0a\"}"},
        "diagnostics": {"previous_message_id": "msg_7"},
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cc_entrypoint=cli; cch=9f;"},
            {"type": "text", "text": "You write code.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "Be careful."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "List"}, {"type": "text", "text": "files."}]},
            {"role": "system", "content": "Today there are rules."},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Use ls.", "signature": "sig"},
                {"type": "redacted_thinking", "data": "xyz"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls", "timeout": 0.5}},
                {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a.c", "cache_control": {"type": "ephemeral"}},
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true,
                 "content": [{"type": "text", "text": "no"}, {"type": "text", "text": "file"}]},
                {"type": "text", "text": "Go on."}]}],
        "tools": [{"name": "Bash", "description": "Runs", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
                  {"type": "custom", "name": "Read", "input_schema": {}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}})");
    EXPECT_EQ(request.model, "claude-x");
    EXPECT_THAT(request.messages,
                ElementsAre(ChatMessage{Role::kSystem, "You write code.\nBe careful.", "", {}, "", ""},
                            ChatMessage{Role::kUser, "List\nfiles.", "", {}, "", ""},
                            ChatMessage{Role::kSystem, "Today there are rules.", "", {}, "", ""},
                            ChatMessage{Role::kAssistant,
                                        "I look.",
                                        "Use ls.",
                                        {{"toolu_1", "Bash", R"({"command":"ls","timeout":0.5})"},
                                         {"toolu_2", "Read", "{}"}},
                                        "",
                                        ""},
                            ChatMessage{Role::kTool, "a.c", "", {}, "toolu_1", "Bash"},
                            ChatMessage{Role::kTool, "no\nfile", "", {}, "toolu_2", "Read"},
                            ChatMessage{Role::kUser, "Go on.", "", {}, "", ""}));
    EXPECT_THAT(request.tools, ElementsAre(ToolDefinition{"Bash", "Runs", R"({"type":"object"})"},
                                           ToolDefinition{"Read", "", "{}"}));
    EXPECT_EQ(request.constraint, (AnswerConstraint{ToolChoice::kAuto, "", ParallelToolCalls::kNo, ""}));
    EXPECT_EQ(request.thinking, Thinking::kDefault);
    EXPECT_EQ(request.answer_tokens_max, 32000U);
    EXPECT_EQ(request.stream, StreamMode::kStream);
    EXPECT_EQ(request.sampling.top_k, 5);
    EXPECT_THAT(request.stops, ElementsAre("</end>"));
    EXPECT_EQ(request.session.session_id, "5f0a");
    EXPECT_EQ(request.session.previous_id, "msg_7");
    EXPECT_THAT(
        request.notes,
        ElementsAre(HasSubstr("context_management"), "stripped from system[0]: x-anthropic-billing-header",
                    HasSubstr("messages[2].content[1]"), HasSubstr("is_error"), HasSubstr("effort")));
}

TEST(AnthropicRequestTest, OfTheSmallestClientHasNoWishes) {
    ChatRequest expected;
    expected.model = "m";
    expected.answer_tokens_max = 1;
    expected.messages = {{Role::kUser, "hi", "", {}, "", ""}};
    EXPECT_EQ(parsed(R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]})"),
              expected);
    EXPECT_EQ(
        parsed(
            R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}],"system":"","tools":[],
        "thread":null,"mcp_servers":[],"container":null,"cache_control":{"type":"ephemeral"},"unknown":1})"),
        expected);
}

// The billing line changes from request to request; nothing of it may reach the prompt.
TEST(AnthropicRequestTest, TheBillingLineLeavesNoTrace) {
    const auto messages = [](const std::string& line) {
        return parsed_with(R"("system":[{"type":"text","text":")" + line +
                           R"("},{"type":"text","text":"Rules."}])")
            .messages;
    };
    EXPECT_EQ(messages("x-anthropic-billing-header: cch=1;"), messages("x-anthropic-billing-header: cch=2;"));
    EXPECT_EQ(messages("x-anthropic-billing-header: cch=1;")[0].content, "Rules.");
    EXPECT_NE(messages("a line: 1"), messages("a line: 2"));  // control: other lines count
    EXPECT_EQ(parsed_with(R"("system":"x-anthropic-billing-header: a\nRules.")").messages[0].content,
              "Rules.");
    EXPECT_EQ(parsed_with(R"("system":"x-anthropic-billing-header: a")").messages.size(), 1U);
    EXPECT_EQ(parsed_with(R"("system":"x-anthropic- not a header")").messages[0].content,
              "x-anthropic- not a header");
}

TEST(AnthropicRequestTest, TextAroundToolResultsKeepsItsPlace) {
    const ChatRequest request = parsed(R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[
        {"type":"text","text":"a"},{"type":"tool_result","tool_use_id":"t","content":"b"},{"type":"text","text":"c"}]}]})");
    EXPECT_THAT(request.messages, ElementsAre(ChatMessage{Role::kUser, "a", "", {}, "", ""},
                                              ChatMessage{Role::kTool, "b", "", {}, "t", ""},
                                              ChatMessage{Role::kUser, "c", "", {}, "", ""}));
}

TEST(AnthropicRequestTest, ToolChoiceInEveryForm) {
    const auto choice = [](const std::string& text) {
        return parsed_with(R"("tools":[{"name":"look","input_schema":{}}],"tool_choice":)" + text).constraint;
    };
    EXPECT_EQ(choice(R"({"type":"auto"})"), AnswerConstraint());
    EXPECT_EQ(choice(R"({"type":"none"})").tool_choice, ToolChoice::kNone);
    EXPECT_EQ(choice(R"({"type":"any"})").tool_choice, ToolChoice::kRequired);
    EXPECT_EQ(choice(R"({"type":"tool","name":"look"})"),
              (AnswerConstraint{ToolChoice::kRequired, "look", ParallelToolCalls::kYes, ""}));
}

TEST(AnthropicRequestTest, OutputFormatsAndThinking) {
    const std::string format = R"({"type":"json_schema","schema":{"type":"object"}})";
    EXPECT_EQ(parsed_with(R"("output_config":{"format":)" + format + "}").constraint.json_schema,
              R"({"type":"object"})");
    EXPECT_EQ(parsed_with(R"("output_format":)" + format).constraint.json_schema, R"({"type":"object"})");
    EXPECT_EQ(parsed_with(R"("thinking":{"type":"enabled","budget_tokens":2048})").thinking, Thinking::kOn);
    EXPECT_EQ(parsed_with(R"("thinking":{"type":"disabled"})").thinking, Thinking::kOff);
}

TEST(AnthropicRequestTest, SessionsOfUserIdsInBothForms) {
    const auto hints = [](const std::string& id) {
        return parsed_with(R"("metadata":{"user_id":")" + id + R"("})").session;
    };
    EXPECT_EQ(hints("user_ab_account_cd_session_12-34").session_id, "12-34");
    EXPECT_EQ(hints(R"({\"session_id\":\"56\"})").session_id, "56");
    EXPECT_EQ(hints(R"({\"session_id\":5})").session_id, "");
    EXPECT_EQ(hints("{not json").session_id, "");
    EXPECT_EQ(hints("plain").session_id, "");
    EXPECT_EQ(hints("plain").user, "plain");
}

TEST(AnthropicRequestTest, CountingNeedsNoMaximumAndTakesTheSamePrompt) {
    const auto counted = parse_anthropic_count_tokens(
        R"({"model":"m","system":"S","messages":[{"role":"user","content":"hi"}],"tools":[{"name":"t","input_schema":{}}]})");
    ASSERT_TRUE(counted) << counted.error().message;
    const ChatRequest asked = parsed_with(R"("system":"S","tools":[{"name":"t","input_schema":{}}])");
    EXPECT_EQ(counted->messages, asked.messages);
    EXPECT_EQ(counted->tools, asked.tools);
    EXPECT_EQ(anthropic_token_count(42), R"({"input_tokens":42})");
}

}  // namespace
}  // namespace kvasir::test
