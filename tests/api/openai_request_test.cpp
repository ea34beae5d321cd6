// What OpenAI clients send, and what is made of it.
#include <string>

#include <gmock/gmock.h>

#include "api/openai_chat.h"
#include "api/openai_completions.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

ChatRequest parsed(const std::string& json) {
    const auto request = parse_openai_chat(json);
    EXPECT_TRUE(request) << request.error().message;
    return request.value_or(ChatRequest());
}

// The fields that matter to a test, beside one message.
ChatRequest parsed_with(const std::string& fields) {
    return parsed(R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + fields + "}");
}

constexpr const char* kTwoTools = R"("tools":[
    {"type":"function","function":{"name":"look","description":"Looks","parameters":{"type":"object","minimum":0.1},"strict":true}},
    {"type":"function","function":{"name":"wait"}}])";

TEST(OpenAiRequestTest, OfAnAgentWithToolsIsReadWhole) {
    const ChatRequest request = parsed(R"({
        "model": "gemma@coder-1", "stream": true, "stream_options": {"include_usage": true, "include_obfuscation": false},
        "max_tokens": 5, "max_completion_tokens": 100, "temperature": 0.5, "top_p": 0.9, "seed": 7, "store": false,
        "presence_penalty": -2, "frequency_penalty": 2, "logit_bias": {"50": -100, "3": 1.5}, "stop": ["END", "\n\n"],
        "logprobs": true, "top_logprobs": 20, "prompt_cache_key": "key-1", "user": "u1", "parallel_tool_calls": false,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "ann", "content": [{"type": "text", "text": "Look"}, {"type": "text", "text": "there."}]},
            {"role": "assistant", "content": null, "reasoning_content": "Hm.", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\": 1}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]})");
    EXPECT_EQ(request.model, "gemma");
    EXPECT_EQ(request.agent, "coder-1");
    EXPECT_THAT(
        request.messages,
        ElementsAre(ChatMessage{Role::kSystem, "Be brief.", "", {}, "", ""},
                    ChatMessage{Role::kUser, "Look\nthere.", "", {}, "", "ann"},
                    ChatMessage{Role::kAssistant, "", "Hm.", {{"call_1", "look", "{\"at\": 1}"}}, "", ""},
                    ChatMessage{Role::kTool, "a cat", "", {}, "call_1", "look"},
                    ChatMessage{Role::kAssistant, "No.", "", {}, "", ""}));
    EXPECT_THAT(request.tools, ElementsAre(ToolDefinition{"look", "", R"({"type":"object"})"}));
    EXPECT_EQ(request.constraint, (AnswerConstraint{ToolChoice::kAuto, "", ParallelToolCalls::kNo, ""}));
    EXPECT_EQ(request.sampling.temperature, 0.5F);
    EXPECT_EQ(request.sampling.top_p, 0.9F);
    EXPECT_EQ(request.sampling.seed, 7U);
    EXPECT_EQ(request.sampling.presence_penalty, -2.0F);
    EXPECT_EQ(request.sampling.frequency_penalty, 2.0F);
    EXPECT_THAT(request.sampling.logit_bias, ElementsAre(Pair(3, 1.5F), Pair(50, -100.0F)));
    EXPECT_THAT(request.stops, ElementsAre("END", "\n\n"));
    EXPECT_EQ(request.answer_tokens_max, 100U);
    EXPECT_EQ(request.stream, StreamMode::kStream);
    EXPECT_EQ(request.usage_chunk, UsageChunk::kYes);
    EXPECT_EQ(request.top_logprobs, 20U);
    EXPECT_EQ(request.session.prompt_cache_key, "key-1");
    EXPECT_EQ(request.session.user, "u1");
    EXPECT_THAT(request.notes, IsEmpty());
}

TEST(OpenAiRequestTest, OfTheSmallestClientHasNoWishes) {
    ChatRequest expected;
    expected.messages = {{Role::kUser, "hi", "", {}, "", ""}};
    EXPECT_EQ(parsed(R"({"messages":[{"role":"user","content":"hi"}]})"), expected);
    // null is the same as absent, wherever clients write it.
    EXPECT_EQ(
        parsed(
            R"({"messages":[{"role":"user","content":"hi","name":null}],"model":null,"tools":null,"stop":null,
        "temperature":null,"tool_choice":null,"response_format":null,"stream":null,"n":null,"seed":null,
        "logprobs":null,"audio":null,"functions":null,"metadata":null,"max_tokens":null,"logit_bias":null})"),
        expected);
}

TEST(OpenAiRequestTest, FieldsWithoutMeaningHereAreAccepted) {
    const ChatRequest request = parsed_with(
        R"("store":true,"n":1,"modalities":["text"],"metadata":{"k":"v"},"top_logprobs":0,"unknown":{"a":[1]},
           "service_tier":"auto","prediction":{"type":"content","content":"x"},"verbosity":"low",
           "prompt_cache_options":{"mode":"implicit"},"prompt_cache_retention":"24h")");
    EXPECT_THAT(request.notes,
                ElementsAre(HasSubstr("prediction"), HasSubstr("verbosity"), HasSubstr("service_tier")));
    EXPECT_EQ(request.top_logprobs, std::nullopt);
}

TEST(OpenAiRequestTest, ToolSchemasKeepTheirTextAndOrder) {
    const ChatRequest request = parsed_with(kTwoTools);
    EXPECT_THAT(request.tools,
                ElementsAre(ToolDefinition{"look", "Looks", R"({"type":"object","minimum":0.1})"},
                            ToolDefinition{"wait", "", ""}));
}

TEST(OpenAiRequestTest, ToolChoiceInEveryForm) {
    const auto choice = [](const std::string& text) {
        return parsed_with(std::string(kTwoTools) + R"(,"tool_choice":)" + text);
    };
    EXPECT_EQ(choice(R"("auto")").constraint.tool_choice, ToolChoice::kAuto);
    EXPECT_EQ(choice(R"("none")").constraint.tool_choice, ToolChoice::kNone);
    EXPECT_EQ(choice(R"("required")").constraint.tool_choice, ToolChoice::kRequired);
    const ChatRequest named = choice(R"({"type":"function","function":{"name":"wait"}})");
    EXPECT_EQ(named.constraint.tool_choice, ToolChoice::kRequired);
    EXPECT_EQ(named.constraint.tool_name, "wait");
    const ChatRequest one = choice(R"({"type":"allowed_tools","allowed_tools":{"mode":"required",
        "tools":[{"type":"function","function":{"name":"wait"}}]}})");
    EXPECT_EQ(one.constraint.tool_name, "wait");
    EXPECT_EQ(one.tools.size(), 2U) << "the prompt stays as it was";
    const ChatRequest some = choice(R"({"type":"allowed_tools","allowed_tools":{"mode":"auto",
        "tools":[{"type":"function","function":{"name":"wait"}}]}})");
    EXPECT_EQ(some.constraint.tool_choice, ToolChoice::kAuto);
    EXPECT_THAT(some.tools, ElementsAre(ToolDefinition{"wait", "", ""}));
    EXPECT_THAT(some.notes, ElementsAre(HasSubstr("1 tools are left out")));
}

TEST(OpenAiRequestTest, ResponseFormatInEveryForm) {
    const auto schema = [](const std::string& format) {
        return parsed_with(R"("response_format":)" + format).constraint.json_schema;
    };
    EXPECT_EQ(schema(R"({"type":"text"})"), "");
    EXPECT_EQ(schema(R"({"type":"json_object"})"), "{}");
    EXPECT_EQ(
        schema(
            R"({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}})"),
        R"({"type":"object"})");
    EXPECT_EQ(schema(R"({"type":"json_schema","json_schema":{"name":"n"}})"), "{}");
}

TEST(OpenAiRequestTest, ThinkingInEveryForm) {
    const auto thinking = [](const std::string& fields) { return parsed_with(fields).thinking; };
    EXPECT_EQ(thinking(R"("reasoning_effort":"none")"), Thinking::kOff);
    EXPECT_EQ(thinking(R"("reasoning_effort":"minimal")"), Thinking::kOn);
    EXPECT_EQ(thinking(R"("reasoning_effort":"max")"), Thinking::kOn);
    EXPECT_EQ(thinking(R"("chat_template_kwargs":{"enable_thinking":false})"), Thinking::kOff);
    EXPECT_EQ(thinking(R"("thinking":{"type":"enabled"})"), Thinking::kOn);
    EXPECT_EQ(thinking(R"("seed":1)"), Thinking::kDefault);
}

TEST(OpenAiRequestTest, SessionHintsComeFromWhereClientsPutThem) {
    EXPECT_EQ(parsed_with(R"("session_id":"s1")").session.session_id, "s1");
    EXPECT_EQ(parsed_with(R"("metadata":{"session_id":"s2"})").session.session_id, "s2");
    EXPECT_EQ(parsed_with(R"("client_metadata":{"thread_id":"s3"})").session.session_id, "s3");
    EXPECT_EQ(parsed_with(R"("safety_identifier":"u2")").session.user, "u2");
    EXPECT_EQ(parsed_with(R"("agent":"a1")").agent, "a1");
    EXPECT_EQ(parsed_with(R"("metadata":{"agent_id":"a2"})").agent, "a2");
    const ChatRequest hostile =
        parsed_with(R"("session_id":")" + std::string(257, 's') + R"(","user":"a\u0007")");
    EXPECT_EQ(hostile.session, SessionHints());
    EXPECT_THAT(hostile.notes,
                ElementsAre(HasSubstr("session_id is not used"), HasSubstr("user is not used")));
}

TEST(OpenAiRequestTest, VolatileLinesLeaveTheSystemTextOnly) {
    const ChatRequest request = parsed(
        R"({"messages":[{"role":"system","content":"x-anthropic-billing-header: cch=1;\nBe brief.\nX-Anthropic-Other: 2"},
                        {"role":"user","content":"x-anthropic-billing-header: mine"}]})");
    EXPECT_EQ(request.messages[0].content, "Be brief.\n");
    EXPECT_EQ(request.messages[1].content, "x-anthropic-billing-header: mine");
    EXPECT_THAT(request.notes, ElementsAre("stripped from messages[0].content: x-anthropic-billing-header",
                                           "stripped from messages[0].content: x-anthropic-other"));
}

TEST(OpenAiRequestTest, SeedsOfAnySizeAreFoldedAndSmallOnesStay) {
    EXPECT_EQ(parsed_with(R"("seed":4294967295)").sampling.seed, 4294967295U);
    EXPECT_EQ(parsed_with(R"("seed":4294967296)").sampling.seed, 1U);
    EXPECT_TRUE(parsed_with(R"("seed":-5)").sampling.seed.has_value());
}

TEST(OpenAiRequestTest, WishesGoOverDefaults) {
    SamplingOptions defaults;
    defaults.temperature = 0.7F;
    defaults.top_k = 11;
    const SamplingOptions options = parsed_with(R"("temperature":0,"seed":3)").sampling.over(defaults);
    EXPECT_EQ(options.temperature, 0.0F);
    EXPECT_EQ(options.top_k, 11);
    EXPECT_EQ(options.seed, 3U);
}

TEST(CompletionRequestTest, PromptInEveryForm) {
    const auto prompt = [](const std::string& text) {
        const auto request = parse_openai_completion(R"({"prompt":)" + text + "}");
        EXPECT_TRUE(request) << request.error().message;
        return request ? request->prompt : decltype(request->prompt)();
    };
    using Prompt = decltype(CompletionRequest::prompt);
    EXPECT_EQ(prompt(R"("once")"), Prompt("once"));
    EXPECT_EQ(prompt(R"(["once"])"), Prompt("once"));
    EXPECT_EQ(prompt("[1,2,3]"), Prompt(std::vector<Token>{1, 2, 3}));
    EXPECT_EQ(prompt("[[1,2,3]]"), Prompt(std::vector<Token>{1, 2, 3}));
}

TEST(CompletionRequestTest, IsReadWhole) {
    const auto request = parse_openai_completion(
        R"({"model":"m@a","prompt":"x","max_tokens":3,"temperature":1,"logprobs":5,"stop":"\n","echo":false,"suffix":null,
            "stream":true,"stream_options":{"include_usage":true},"best_of":1,"n":1,"user":"u"})");
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->model, "m");
    EXPECT_EQ(request->agent, "a");
    EXPECT_EQ(request->answer_tokens_max, 3U);
    EXPECT_EQ(request->sampling.temperature, 1.0F);
    EXPECT_EQ(request->top_logprobs, 5U);
    EXPECT_THAT(request->stops, ElementsAre("\n"));
    EXPECT_EQ(request->stream, StreamMode::kStream);
    EXPECT_EQ(request->usage_chunk, UsageChunk::kYes);
    EXPECT_EQ(request->session.user, "u");
}

}  // namespace
}  // namespace kvasir::test
