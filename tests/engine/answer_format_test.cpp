// Answers taken apart, on the real engine's formats and the fake one's.
#include <functional>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/answering.h"
#include "engine/chat_templates.h"
#include "support/fake_engine.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Calls = std::vector<std::pair<std::string, std::string>>;  // names and arguments
using Parse = std::function<Result<ChatMessage>(std::string_view, AnswerEnd)>;

constexpr const char* kCall =
    "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>";

const std::vector<ToolDefinition> kTools = {kWeatherTool, kMailTool};

Calls calls_of(const ChatMessage& message) {
    Calls calls;
    for (const ToolCall& call : message.tool_calls) calls.emplace_back(call.name, call.arguments);
    return calls;
}

bool extends(const ChatMessage& longer, const ChatMessage& shorter) {
    if (!longer.content.starts_with(shorter.content) || !longer.reasoning.starts_with(shorter.reasoning) ||
        longer.tool_calls.size() < shorter.tool_calls.size())
        return false;
    return std::equal(shorter.tool_calls.begin(), shorter.tool_calls.end(), longer.tool_calls.begin(),
                      [](const ToolCall& a, const ToolCall& b) {
                          return a.name == b.name && a.id == b.id && b.arguments.starts_with(a.arguments);
                      });
}

// "" when every part only grows while the text does, and from there to the complete parse; else what went
// wrong.
std::string shrinks(const Parse& parse, const std::string& text) {
    ChatMessage last;
    for (std::size_t bytes = 0; bytes <= text.size(); ++bytes) {
        if (bytes < text.size() && (text[bytes] & 0xC0) == 0x80) continue;  // inside a character
        const auto now = parse(std::string_view(text).substr(0, bytes), AnswerEnd::kOpen);
        if (!now) return "at " + std::to_string(bytes) + ": " + now.error().message;
        if (!extends(*now, last)) return "shrinks at " + std::to_string(bytes);
        last = *now;
    }
    const auto complete = parse(text, AnswerEnd::kComplete);
    return !complete || extends(*complete, last) ? "" : "shrinks at its end";
}

Parse parser_of(std::shared_ptr<const AnswerFormat> format) {
    return [format = std::move(format)](std::string_view text, AnswerEnd end) {
        return format->parse(text, end);
    };
}

// Texts out of pieces of markers, so that many almost are calls and thoughts.
std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> kPieces = {
        kCall,
        "<tool_call>",
        "</tool_call>",
        "<think>",
        "</think>",
        "\n{\"name\": \"get_weather\", \"arguments\": ",
        "{\"city\": \"Paris\"}",
        "{\"city\": \"Rome\", \"days\": 3}",
        "}",
        "{",
        "\"",
        "<",
        "</",
        "<tool_",
        "call>",
        "\n",
        " ",
        "Hello",
        "ä",
        "<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n</function>",
        "{\"name\":\"get_weather\",\"arguments\":{}}",
        "\\"};
    std::string text;
    for (std::size_t i = random() % 8 + 1; i > 0; --i) text += kPieces[random() % kPieces.size()];
    return text;
}

class AnswerFormats : public testing::TestWithParam<Format> {
  protected:
    std::shared_ptr<const AnswerFormat> plan(const AnswerConstraint& constraint) const {
        return plan_or_throw(*engine_, asked("Weather?", kTools), constraint);
    }

    std::unique_ptr<Engine> engine_ = engine_with(GetParam());
};

TEST_P(AnswerFormats, PartsOnlyGrow) {
    std::mt19937 random(11);
    for (const ToolChoice choice : {ToolChoice::kAuto, ToolChoice::kNone, ToolChoice::kRequired}) {
        const Parse parse = parser_of(plan({choice, "", ParallelToolCalls::kYes, ""}));
        for (int i = 0; i < 200; ++i) {
            const std::string text = random_text(random);
            EXPECT_EQ(shrinks(parse, text), "") << text;
        }
    }
}

TEST_P(AnswerFormats, TextIsContent) {
    for (const ToolChoice choice : {ToolChoice::kAuto, ToolChoice::kNone}) {
        const auto format = plan({choice, "", ParallelToolCalls::kYes, ""});
        for (const std::string text :
             {"", "It is sunny.", "1 < 2", "a <", "Grüße, 世界 🙂\n\nBye", "ends <tool_ca"}) {
            const auto message = format->parse(text, AnswerEnd::kComplete);
            ASSERT_TRUE(message) << text << ": " << message.error().message;
            EXPECT_EQ(message->content, text);
            EXPECT_EQ(message->reasoning, "");
            EXPECT_EQ(calls_of(*message), Calls());
        }
    }
}

TEST_P(AnswerFormats, WithoutToolChoiceACallIsContent) {
    const auto format = plan({ToolChoice::kNone, "", ParallelToolCalls::kYes, ""});
    const auto message = format->parse(kCall, AnswerEnd::kComplete);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->content, kCall);
    EXPECT_EQ(calls_of(*message), Calls());
}

INSTANTIATE_TEST_SUITE_P(Engines, AnswerFormats,
                         testing::Values(Format::kDemo, Format::kStandIn, Format::kThinking, Format::kTagged,
                                         Format::kFake),
                         name_of);

TEST(AnswerFormatControl, AParserThatHoldsNothingBackIsSeen) {
    const Parse hasty = [](std::string_view text, AnswerEnd) -> Result<ChatMessage> {
        return ChatMessage{Role::kAssistant, std::string(text.substr(0, text.find("<tool_call>")))};
    };
    EXPECT_EQ(shrinks(hasty, "Hello"), "");
    EXPECT_NE(shrinks(hasty, kCall), "");
}

// Formats that write calls as JSON between markers.
class JsonCalls : public AnswerFormats {};

TEST_P(JsonCalls, CallsAreTakenApart) {
    const auto format = plan({});
    const std::string text = std::string("I look.\n") + kCall;
    auto message = format->parse(text, AnswerEnd::kComplete);
    ASSERT_TRUE(message) << message.error().message;
    EXPECT_EQ(calls_of(*message), (Calls{{"get_weather", R"({"city": "Paris"})"}}));
    EXPECT_THAT(message->content, testing::StartsWith("I look."));
    EXPECT_THAT(message->content, Not(HasSubstr("tool_call")));
    EXPECT_EQ(message->tool_calls[0].id, "");
    message = format->parse(std::string(kCall) + "\n" + kCall, AnswerEnd::kComplete);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->tool_calls.size(), 2U);
    EXPECT_EQ(shrinks(parser_of(format), text + "\n" + kCall), "");
}

TEST_P(JsonCalls, AnUnfinishedCallIsNoCompleteAnswer) {
    const auto format = plan({});
    const std::string text = kCall;
    for (const std::size_t bytes : {text.find('{'), text.find("Paris"), text.rfind('}'), text.size() - 3}) {
        const auto message = format->parse(text.substr(0, bytes), AnswerEnd::kComplete);
        ASSERT_FALSE(message) << text.substr(0, bytes);
        EXPECT_EQ(message.error().code, ErrorCode::kInvalidArgument);
        EXPECT_TRUE(format->parse(text.substr(0, bytes), AnswerEnd::kOpen));
    }
    const auto growing = format->parse(text.substr(0, text.find("aris")), AnswerEnd::kOpen);
    EXPECT_EQ(calls_of(*growing), (Calls{{"get_weather", R"({"city": "P)"}}))
        << "arguments come as they are written";
}

TEST_P(JsonCalls, ARequiredCallThatIsMissingIsNoCompleteAnswer) {
    const auto format = plan({ToolChoice::kRequired, "", ParallelToolCalls::kYes, ""});
    EXPECT_TRUE(format->parse(kCall, AnswerEnd::kComplete));
    EXPECT_FALSE(format->parse("It is sunny.", AnswerEnd::kComplete));
    EXPECT_FALSE(format->parse("", AnswerEnd::kComplete));
}

TEST_P(JsonCalls, AnAnswerThatFollowsASchemaIsContent) {
    const auto format = plan({ToolChoice::kAuto, "", ParallelToolCalls::kYes,
                              R"({"type":"object","properties":{"a":{"type":"integer"}}})"});
    const auto message = format->parse("{\"a\": 7}", AnswerEnd::kComplete);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->content, "{\"a\": 7}");
    EXPECT_FALSE(format->parse("{\"a\": 7", AnswerEnd::kComplete));
    EXPECT_EQ(format->parse("{\"a\": 7", AnswerEnd::kOpen)->content, "{\"a\": 7");
}

TEST_P(JsonCalls, ThreadsMayParseTogether) {
    const auto format = plan({});
    std::vector<std::thread> threads;
    std::vector<std::size_t> calls(4, 0);
    for (std::size_t& count : calls) {
        threads.emplace_back([&format, &count] {
            for (int i = 0; i < 50; ++i)
                count += format->parse(kCall, AnswerEnd::kComplete)->tool_calls.size();
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(calls, std::vector<std::size_t>(4, 50));
}

INSTANTIATE_TEST_SUITE_P(Engines, JsonCalls,
                         testing::Values(Format::kDemo, Format::kStandIn, Format::kThinking), name_of);

TEST(AnswerFormat, ThoughtsAreTakenApart) {
    const auto engine = engine_with(Format::kThinking);
    const auto format = plan_or_throw(*engine, asked("Weather?", kTools), {});
    const std::string text = std::string("<think>\nLet me see.\n</think>\n\n") + kCall;
    EXPECT_EQ(shrinks(parser_of(format), text), "");
    const auto message = format->parse(text, AnswerEnd::kComplete);
    ASSERT_TRUE(message) << message.error().message;
    EXPECT_THAT(message->reasoning, HasSubstr("Let me see."));
    EXPECT_EQ(message->tool_calls.size(), 1U);
    EXPECT_EQ(message->content, "");
    const auto cut = format->parse("<think>\nLet me se", AnswerEnd::kComplete);
    ASSERT_TRUE(cut) << "cut off by a limit of tokens";
    EXPECT_THAT(cut->reasoning, HasSubstr("Let me se"));
    EXPECT_EQ(cut->content, "");
}

TEST(AnswerFormat, TaggedArgumentsBecomeJson) {
    const auto engine = engine_with(Format::kTagged);
    const auto format = plan_or_throw(*engine, asked("Mail?", kTools), {});
    const std::string text =
        "<tool_call>\n<function=send_mail>\n<parameter=to>\nJo "
        "\"X\"\n</parameter>\n<parameter=urgent>\ntrue\n</parameter>\n"
        "</function>\n</tool_call>";
    EXPECT_EQ(shrinks(parser_of(format), text), "");
    const auto message = format->parse(text, AnswerEnd::kComplete);
    ASSERT_TRUE(message) << message.error().message;
    EXPECT_EQ(calls_of(*message), (Calls{{"send_mail", R"({"to":"Jo \"X\"","urgent":true})"}}));
}

TEST(AnswerFormat, AnswersThatAreNestedWithoutEndAreSurvived) {
    const auto engine = engine_with(Format::kDemo);
    const std::string deep(1'000'000, '[');
    const std::string call = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": ";
    for (const char* schema : {"", "{}", R"({"items":{}})"}) {
        const auto format = plan_or_throw(*engine, asked("Weather?", kTools),
                                          {ToolChoice::kAuto, "", ParallelToolCalls::kYes, schema});
        for (const std::string& text : {deep, call + deep}) {
            EXPECT_TRUE(format->parse(text, AnswerEnd::kOpen));
            const auto complete = format->parse(text, AnswerEnd::kComplete);
            EXPECT_TRUE(!complete || complete->content == text);
        }
    }
    ChatPrompt prompt = asked("Weather?", kTools);
    ChatMessage called{Role::kAssistant};
    called.tool_calls = {{"", "get_weather", "{\"a\":" + deep}};
    prompt.messages.insert(prompt.messages.begin(), called);
    EXPECT_TRUE(engine->render_chat(prompt));
    EXPECT_FALSE(engine->render_chat(asked("Weather?", {{"deep", "", "{\"a\":" + deep}})));
}

}  // namespace
}  // namespace kvasir::test
