// Prompts with tools, and what can be asked of their answers, on the real engine's formats and the fake
// one's.
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/answering.h"
#include "engine/chat_templates.h"
#include "support/fake_text.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

const std::vector<ToolDefinition> kTools = {kWeatherTool, kMailTool};

class AnswerPlans : public testing::TestWithParam<Format> {
  protected:
    std::unique_ptr<Engine> engine_ = engine_with(GetParam());
};

TEST_P(AnswerPlans, WhatCannotBePlannedIsRefused) {
    const auto code = [&](const ChatPrompt& prompt, const AnswerConstraint& constraint) {
        const auto planned = engine_->plan_answer(prompt, constraint);
        return planned ? std::string("planned") : std::string(to_string(planned.error().code));
    };
    const ChatPrompt tools = asked("Weather?", kTools);
    const ChatPrompt plain = asked("Weather?");
    EXPECT_EQ(code(tools, {ToolChoice::kRequired, "send_mail", ParallelToolCalls::kYes, ""}), "planned");
    EXPECT_EQ(code(tools, {ToolChoice::kRequired, "sing", ParallelToolCalls::kYes, ""}), "invalid_argument");
    EXPECT_EQ(code(plain, {ToolChoice::kRequired, "", ParallelToolCalls::kYes, ""}), "invalid_argument");
    for (const char* good : {"{}", R"({"type":"array","items":{"type":"integer"}})"})
        EXPECT_EQ(code(plain, {ToolChoice::kAuto, "", ParallelToolCalls::kYes, good}), "planned") << good;
    EXPECT_EQ(code(plain, {ToolChoice::kAuto, "", ParallelToolCalls::kYes, "{"}), "invalid_argument");
    if (GetParam() == Format::kFake) return;
    const std::vector<std::string> bad = {"[]",
                                          "7",
                                          R"({"type":"unheard-of"})",
                                          R"({"$ref":"#/nowhere"})",
                                          R"({"type":"string","pattern":"("})",
                                          R"({"type":"string","pattern":"^(a$"})",
                                          R"({"type":"string","pattern":"^\\d+$"})",
                                          R"({"type":"array","items":{"type":"string"},"minItems":100000})",
                                          R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}})",
                                          R"({"type":"array","items":)" + std::string(100'000, '[')};
    for (const std::string& schema : bad)
        EXPECT_EQ(code(plain, {ToolChoice::kAuto, "", ParallelToolCalls::kYes, schema}), "invalid_argument")
            << schema.substr(0, 80);
}

TEST_P(AnswerPlans, ThePromptIsTheSameUnderEveryConstraint) {
    const ChatPrompt prompt = asked("Weather?", kTools);
    const std::string rendered = engine_->render_chat(prompt).value();
    for (const AnswerConstraint& constraint :
         {AnswerConstraint{ToolChoice::kNone, "", ParallelToolCalls::kNo, ""},
          AnswerConstraint{ToolChoice::kRequired, "send_mail", ParallelToolCalls::kNo, ""},
          AnswerConstraint{ToolChoice::kAuto, "", ParallelToolCalls::kYes, "{}"}}) {
        ASSERT_TRUE(engine_->plan_answer(prompt, constraint));
        EXPECT_EQ(engine_->render_chat(prompt).value(), rendered);
    }
    EXPECT_NE(engine_->render_chat(asked("Weather?")).value(), rendered) << "tools are part of it";
}

TEST_P(AnswerPlans, ToolsCallsAndResultsAreRendered) {
    ChatPrompt prompt = asked("Weather?", kTools);
    ChatMessage call{Role::kAssistant, "I ask."};
    call.tool_calls = {{"call_1", "get_weather", R"({"city":"Rome"})"}, {"call_2", "get_weather", ""}};
    ChatMessage result{Role::kTool, "Rain in Rome."};
    result.tool_call_id = "call_1";
    result.name = "get_weather";
    prompt.messages.insert(prompt.messages.end(),
                           {call, result, {Role::kAssistant, "It rains."}, {Role::kUser, "Thanks."}});
    const auto rendered = engine_->render_chat(prompt);
    ASSERT_TRUE(rendered) << rendered.error().message;
    for (const char* part :
         {"send_mail", "Sends a mail.", "urgent", "Weather?", "I ask.", "Rome", "Rain in Rome.", "It rains."})
        EXPECT_THAT(*rendered, HasSubstr(part));
    prompt.messages[1].tool_calls[0].arguments = R"({"city":"Paris"})";
    EXPECT_NE(engine_->render_chat(prompt).value(), *rendered);
    prompt.messages[1].tool_calls[0].arguments = "{\"city\": broken";  // models write such things
    const auto broken = engine_->render_chat(prompt);
    ASSERT_TRUE(broken) << broken.error().message;
    EXPECT_THAT(*broken, HasSubstr("broken"));
}

INSTANTIATE_TEST_SUITE_P(Engines, AnswerPlans,
                         testing::Values(Format::kDemo, Format::kStandIn, Format::kThinking, Format::kTagged,
                                         Format::kFake),
                         name_of);

TEST(AnswerPlan, ThinkingIsSwitchedInThePrompt) {
    const auto engine = engine_with(Format::kThinking);
    ChatPrompt prompt = asked("Weather?");
    const std::string usual = engine->render_chat(prompt).value();
    prompt.thinking = Thinking::kOn;
    EXPECT_EQ(engine->render_chat(prompt).value(), usual);
    prompt.thinking = Thinking::kOff;
    EXPECT_EQ(engine->render_chat(prompt).value(), usual + "<think>\n\n</think>\n\n");
    const auto message = plan_or_throw(*engine, prompt, {})->parse("Sunny.", AnswerEnd::kComplete);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->content, "Sunny.");
    EXPECT_EQ(message->reasoning, "");
}

TEST(AnswerPlan, ToolsThatAreNoSchemaAreRefused) {
    const auto engine = engine_with(Format::kDemo);
    for (const char* parameters : {"{", "[]", "7"}) {
        const ChatPrompt prompt = asked("Weather?", {{"broken", "", parameters}});
        EXPECT_EQ(engine->render_chat(prompt).error().code, ErrorCode::kInvalidArgument) << parameters;
        EXPECT_EQ(engine->plan_answer(prompt, {}).error().code, ErrorCode::kInvalidArgument) << parameters;
    }
    EXPECT_TRUE(engine->render_chat(asked("Weather?", {{"nothing_to_say", "", ""}})));
}

TEST(AnswerPlan, WhatNoGrammarCanEnforceOfAToolIsLeftToTheTool) {
    const auto engine = engine_with(Format::kDemo);
    testing::internal::CaptureStderr();
    const std::string parameters = R"({"type":"object","properties":{"pattern":{"type":"integer"},)"
                                   R"("a":{"type":"string","pattern":"\\d+"},)"
                                   R"("b":{"type":"string","maxLength":100000}},"required":["a"]})";
    const auto format = engine->plan_answer(asked("Go.", {{"go", "", parameters}}),
                                            {ToolChoice::kRequired, "", ParallelToolCalls::kYes, ""});
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    ASSERT_TRUE(format) << format.error().message;
    const std::string call = "<tool_call>\n{\"name\": \"go\", \"arguments\": {\"a\": \"x\"}}\n</tool_call>";
    EXPECT_TRUE((*format)->parse(call, AnswerEnd::kComplete));
}

TEST(AnswerPlan, TheDateOfAPromptIsItsOwn) {
    const auto engine = open_with_template(
        "{{ date_string }} {{ datetime }}{% for message in messages %}{{ message.role }}: {{ message.content "
        "}}\n{% endfor %}");
    ChatPrompt prompt = asked("Hello");
    prompt.now_unix_ms = 1'000'000'000'000;
    EXPECT_THAT(engine->render_chat(prompt).value(), testing::StartsWith("09 Sep 2001 Sep 09 2001"));
}

TEST(AnswerPlan, WhatWasPlannedBeforeIsNotMadeAgain) {
    const auto engine = engine_with(Format::kDemo);
    const auto first = plan_or_throw(*engine, asked("Weather?", kTools), {});
    EXPECT_EQ(plan_or_throw(*engine, asked("And tomorrow?", kTools), {}), first);
    EXPECT_NE(plan_or_throw(*engine, asked("Weather?"), {}), first);
    EXPECT_NE(plan_or_throw(*engine, asked("Weather?", {kWeatherTool}), {}), first);
    EXPECT_NE(plan_or_throw(*engine, asked("Weather?", kTools),
                            {ToolChoice::kNone, "", ParallelToolCalls::kYes, ""}),
              first);
    for (int i = 0; i < 100; ++i) {  // more than are kept
        const std::string schema = R"({"type":"integer","minimum":)" + std::to_string(i) + "}";
        plan_or_throw(*engine, asked("Weather?"), {ToolChoice::kAuto, "", ParallelToolCalls::kYes, schema});
    }
    const auto again = plan_or_throw(*engine, asked("Weather?", kTools), {});
    EXPECT_NE(again, first);
    EXPECT_TRUE(first->parse("Hello", AnswerEnd::kComplete)) << "who holds a format keeps it";
}

// Few different texts, so that equal conversations come up, and pieces of markers.
ChatPrompt random_conversation(std::mt19937& random) {
    const auto text = [&random] {
        static const std::vector<std::string> kTexts = {
            "",
            "a",
            "<",
            "</think>",
            "<think>a</think>",
            "[reasoning]",
            "<tool_call>{\"name\":\"a\",\"arguments\":a}</tool_call>"};
        std::string made;
        for (std::size_t i = random() % 3; i > 0; --i) made += kTexts[random() % kTexts.size()];
        return made;
    };
    ChatPrompt prompt;
    for (std::size_t i = random() % 2 + 1; i > 0; --i) {
        ChatMessage message{random() % 2 == 0 ? Role::kAssistant : Role::kTool, text()};
        message.reasoning = random() % 2 == 0 ? "" : text();
        message.name = random() % 4 > 0 ? "" : text();
        for (std::size_t calls = random() % 3; calls > 1; --calls)
            message.tool_calls.push_back({text(), text(), text()});
        prompt.messages.push_back(std::move(message));
    }
    if (random() % 4 == 0) prompt.tools = {{text(), text(), text()}};
    return prompt;
}

TEST(FakeRendering, DifferentConversationsRenderDifferently) {
    std::mt19937 random(5);
    std::map<std::string, ChatPrompt> seen;
    std::size_t equal = 0;
    for (int i = 0; i < 100'000; ++i) {
        ChatPrompt prompt = random_conversation(random);
        const auto [found, is_new] = seen.try_emplace(fake_render(FakeTemplate::kChatMl, prompt), prompt);
        if (is_new) continue;
        ++equal;
        ASSERT_TRUE(found->second.messages == prompt.messages && found->second.tools == prompt.tools)
            << found->first;
    }
    EXPECT_GT(equal, 100U) << "nothing was compared";
}

TEST(FakeRendering, PlainConversationsLookAsEver) {
    ChatPrompt prompt = asked("Hi");
    prompt.messages.push_back({Role::kAssistant, "Ho <"});
    EXPECT_EQ(
        fake_render(FakeTemplate::kChatMl, prompt),
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo <<|im_end|>\n<|im_start|>assistant\n");
}

TEST(FakeRendering, WhatAnAnswerWasReadAsIsRenderedAsItWas) {
    const FakeEngine engine;
    const std::string text =
        "<think>Hm.</think>So:<tool_call>{\"name\":\"go\",\"arguments\":{\"a\":[1]}}</tool_call>";
    ChatPrompt prompt;
    prompt.messages = {plan_or_throw(engine, asked("Hi"), {})->parse(text, AnswerEnd::kComplete).value()};
    EXPECT_THAT(fake_render(FakeTemplate::kChatMl, prompt),
                HasSubstr("<|im_start|>assistant\n" + text + "<|im_end|>"));
}

}  // namespace
}  // namespace kvasir::test
