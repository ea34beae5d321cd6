// Answers and lists as the protocols' clients expect them, field by field.
#include <limits>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "api/anthropic.h"
#include "api/models.h"
#include "api/openai_chat.h"
#include "api/openai_completions.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

ChatAnswer full_answer() {
    ChatAnswer answer;
    answer.id = "id-1";
    answer.created_unix_s = 1700000000;
    answer.model = "gemma";
    answer.message = {Role::kAssistant, "I look.", "Hm.", {{"call_1", "look", R"({"at": 1})"}}, "", ""};
    answer.finish_reason = FinishReason::kToolCalls;
    answer.logprobs = {{"\xC3", -0.5F, {{"\xC3", -0.5F}, {"x", -std::numeric_limits<float>::infinity()}}}};
    answer.usage = {100, 90, 12, 5, 4};
    answer.memory = {"disk", 1.5, 2.25, 10, "prefix_changed", "coder", 7, true, {"stripped a line"}};
    return answer;
}

const char* const kMemory = R"({"source":"disk","restore_ms":1.5,"prefill_ms":2.25,"evaluated_tokens":10,
    "not_reused_reason":"prefix_changed","agent":"coder","turn":7,"durable":true,"notes":["stripped a line"]})";

const char* const kOpenAiUsage = R"({"prompt_tokens":100,"completion_tokens":12,"total_tokens":112,
    "prompt_tokens_details":{"cached_tokens":90,"cache_write_tokens":4},
    "completion_tokens_details":{"reasoning_tokens":5}})";

const char* const kAnthropicUsage =
    R"({"input_tokens":6,"cache_read_input_tokens":90,"cache_creation_input_tokens":4,
    "output_tokens":12,"output_tokens_details":{"thinking_tokens":5}})";

TEST(AnswerShapeTest, OpenAiChat) {
    const std::string expected =
        std::string(R"({"id":"id-1","object":"chat.completion","created":1700000000,"model":"gemma",
        "choices":[{"index":0,"finish_reason":"tool_calls",
            "message":{"role":"assistant","content":"I look.","refusal":null,"reasoning_content":"Hm.",
                "tool_calls":[{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"at\": 1}"}}]},
            "logprobs":{"refusal":null,"content":[{"token":"\ufffd","bytes":[195],"logprob":-0.5,"top_logprobs":[
                {"token":"\ufffd","bytes":[195],"logprob":-0.5},{"token":"x","bytes":[120],"logprob":-9999.0}]}]}}],
        "usage":)") +
        kOpenAiUsage + R"(,"kvasir":)" + kMemory + "}";
    EXPECT_EQ(json::parse(openai_chat_answer(full_answer())), json::parse(expected));
}

TEST(AnswerShapeTest, Anthropic) {
    const std::string expected =
        std::string(R"({"id":"id-1","type":"message","role":"assistant","model":"gemma",
        "content":[{"type":"thinking","thinking":"Hm.","signature":"kvasir"},{"type":"text","text":"I look."},
            {"type":"tool_use","id":"call_1","name":"look","input":{"at":1}}],
        "stop_reason":"tool_use","stop_sequence":null,"usage":)") +
        kAnthropicUsage + R"(,"kvasir":)" + kMemory + "}";
    EXPECT_EQ(json::parse(anthropic_answer(full_answer())), json::parse(expected));
}

TEST(AnswerShapeTest, Completion) {
    ChatAnswer answer = full_answer();
    answer.finish_reason = FinishReason::kLength;
    answer.logprobs.push_back({"look", -1.0F, {}});
    const std::string expected =
        std::string(R"({"id":"id-1","object":"text_completion","created":1700000000,"model":"gemma",
        "choices":[{"index":0,"text":"I look.","finish_reason":"length","logprobs":{"tokens":["\ufffd","look"],
            "token_logprobs":[-0.5,-1.0],"top_logprobs":[{"\ufffd":-0.5,"x":-9999.0},{}],"text_offset":[0,1]}}],
        "usage":)") +
        kOpenAiUsage + R"(,"kvasir":)" + kMemory + "}";
    EXPECT_EQ(json::parse(openai_completion_answer(answer)), json::parse(expected));
}

TEST(AnswerShapeTest, SmallAnswersLeaveOutWhatTheyDoNotHave) {
    ChatAnswer answer;
    answer.id = "id-2";
    answer.message.role = Role::kAssistant;
    const char* const memory = R"({"source":"","restore_ms":0.0,"prefill_ms":0.0,"evaluated_tokens":0,
        "not_reused_reason":null,"agent":null,"turn":0,"durable":true})";
    const json::value openai = json::parse(openai_chat_answer(answer));
    EXPECT_EQ(
        openai.at_pointer("/choices/0"),
        json::parse(R"({"index":0,"message":{"role":"assistant","content":"","refusal":null},"logprobs":null,
                  "finish_reason":"stop"})"));
    EXPECT_EQ(openai.at("kvasir"), json::parse(memory));
    EXPECT_EQ(json::parse(anthropic_answer(answer)).at("content"), json::array());
    answer.message.tool_calls = {{"c", "f", ""}};
    EXPECT_TRUE(json::parse(openai_chat_answer(answer)).at_pointer("/choices/0/message/content").is_null());
}

TEST(AnswerShapeTest, FinishReasonsInTheWordsOfEachProtocol) {
    const auto reasons = [](FinishReason reason) {
        ChatAnswer answer;
        answer.finish_reason = reason;
        answer.stop_sequence = reason == FinishReason::kStopSequence ? "END" : "";
        const json::value anthropic = json::parse(anthropic_answer(answer));
        return json::serialize(
                   json::parse(openai_chat_answer(answer)).at_pointer("/choices/0/finish_reason")) +
               " " + json::serialize(anthropic.at("stop_reason")) + " " +
               json::serialize(anthropic.at("stop_sequence"));
    };
    EXPECT_EQ(reasons(FinishReason::kStop), R"("stop" "end_turn" null)");
    EXPECT_EQ(reasons(FinishReason::kStopSequence), R"("stop" "stop_sequence" "END")");
    EXPECT_EQ(reasons(FinishReason::kLength), R"("length" "max_tokens" null)");
    EXPECT_EQ(reasons(FinishReason::kToolCalls), R"("tool_calls" "tool_use" null)");
    EXPECT_EQ(reasons(FinishReason::kCancelled), R"("length" "max_tokens" null)") << "it is not whole";
}

// A call that was cut off must not look like a call without arguments.
TEST(AnswerShapeTest, UnreadableArgumentsAreHandedOnAsText) {
    ChatAnswer answer;
    answer.message.tool_calls = {{"c", "f", R"({"path": "/ho)"}};
    EXPECT_EQ(json::parse(anthropic_answer(answer)).at_pointer("/content/0/input"),
              json::parse(R"({"unreadable_arguments":"{\"path\": \"/ho"})"));
    answer.message.tool_calls = {{"c", "f", "{}"}};
    EXPECT_EQ(json::parse(anthropic_answer(answer)).at_pointer("/content/0/input"), json::object());
}

TEST(AnswerShapeTest, AnthropicInputTokensLeaveOutTheCachedOnes) {
    ChatAnswer answer;
    answer.usage = {100, 90, 5, 0, 0};
    const json::value usage = json::parse(anthropic_answer(answer)).at("usage");
    EXPECT_EQ(usage.at("input_tokens"), 10);
    EXPECT_EQ(usage.at("cache_read_input_tokens"), 90);
    EXPECT_EQ(usage.at("cache_creation_input_tokens"), 0);
}

TEST(AnswerShapeTest, FirstEventsOfStreams) {
    const OpenAiChatStream openai({"id-1", 5, "m", UsageChunk::kNo});
    EXPECT_EQ(
        openai.begin(),
        "data: "
        "{\"id\":\"id-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\",\"choices\":[{"
        "\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":"
        "null}]}"
        "\n\n");
    AnthropicStream anthropic("msg_1", "m");
    const std::string begin = anthropic.begin({100, 90, 0, 0, 0});
    const std::string head = "event: message_start\ndata: ";
    ASSERT_EQ(begin.substr(0, head.size()), head);
    EXPECT_EQ(json::parse(begin.substr(head.size())),
              json::parse(R"({"type":"message_start","message":{"id":"msg_1",
        "type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,
        "usage":{"input_tokens":10,"cache_read_input_tokens":90,"cache_creation_input_tokens":0,"output_tokens":0,
                 "output_tokens_details":{"thinking_tokens":0}}}})"));
    EXPECT_EQ(anthropic.ping(), "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

TEST(ModelsShapeTest, ListsOfBothProtocols) {
    const std::vector<ModelCard> cards = {{"gemma", "Gemma 3", 1700000000, 8192},
                                          {"gemma@coder", "", 0, 4096}};
    EXPECT_EQ(json::parse(openai_models(cards)), json::parse(R"({"object":"list","data":[
        {"id":"gemma","object":"model","created":1700000000,"owned_by":"kvasir","context_length":8192},
        {"id":"gemma@coder","object":"model","created":0,"owned_by":"kvasir","context_length":4096}]})"));
    EXPECT_EQ(json::parse(anthropic_models(cards)), json::parse(R"({"data":[
        {"type":"model","id":"gemma","display_name":"Gemma 3","created_at":"2023-11-14T22:13:20Z","max_input_tokens":8192},
        {"type":"model","id":"gemma@coder","display_name":"gemma@coder","created_at":"1970-01-01T00:00:00Z",
         "max_input_tokens":4096}],"has_more":false,"first_id":"gemma","last_id":"gemma@coder"})"));
    EXPECT_EQ(json::parse(openai_model(cards[0])), json::parse(openai_models(cards)).at_pointer("/data/0"));
    EXPECT_EQ(json::parse(anthropic_model(cards[1])),
              json::parse(anthropic_models(cards)).at_pointer("/data/1"));
    EXPECT_TRUE(json::parse(anthropic_models({})).at("first_id").is_null());
}

// Control: the comparison sees a number of another size and a field too many.
TEST(AnswerShapeControl, TheComparisonSeesADifference) {
    ChatAnswer answer = full_answer();
    const json::value before = json::parse(openai_chat_answer(answer));
    answer.usage.cached_tokens += 1;
    EXPECT_NE(json::parse(openai_chat_answer(answer)), before);
    json::value more = before;
    more.as_object()["extra"] = nullptr;
    EXPECT_NE(more, before);
}

}  // namespace
}  // namespace kvasir::test
