// What comes in steps is what comes whole.
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "api/anthropic.h"
#include "api/openai_chat.h"
#include "api/openai_completions.h"
#include "api/random_values.h"
#include "api/stream_readers.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string openai_stream(const ChatAnswer& answer, const std::vector<AnswerDelta>& steps, UsageChunk usage) {
    const OpenAiChatStream stream({answer.id, answer.created_unix_s, answer.model, usage});
    std::string text = stream.begin();
    for (const AnswerDelta& step : steps) text += stream.delta(step);
    return text + stream.finish(answer);
}

std::string anthropic_stream(const ChatAnswer& answer, const std::vector<AnswerDelta>& steps) {
    AnthropicStream stream(answer.id, answer.model);
    std::string text = stream.begin(answer.usage) + stream.ping();
    for (const AnswerDelta& step : steps) text += stream.delta(step);
    return text + stream.ping() + stream.finish(answer);
}

std::string text_of(const json::value& value) {
    return value.is_string() ? json::value_to<std::string>(value) : "";
}

ChatMessage whole_openai_message(const json::value& whole) {
    const json::object& fields = whole.at_pointer("/choices/0/message").as_object();
    ChatMessage message;
    message.role = Role::kAssistant;
    message.content = text_of(fields.at("content"));
    if (fields.contains("reasoning_content")) message.reasoning = text_of(fields.at("reasoning_content"));
    if (!fields.contains("tool_calls")) return message;
    for (const json::value& call : fields.at("tool_calls").as_array()) {
        message.tool_calls.push_back({text_of(call.at("id")), text_of(call.at_pointer("/function/name")),
                                      text_of(call.at_pointer("/function/arguments"))});
    }
    return message;
}

// Arguments as they are read, since whole answers have them as an object.
ChatMessage whole_anthropic_message(const json::value& whole) {
    ChatMessage message;
    message.role = Role::kAssistant;
    for (const json::value& block : whole.at("content").as_array()) {
        const std::string type = text_of(block.at("type"));
        if (type == "thinking") message.reasoning += text_of(block.at("thinking"));
        if (type == "text") message.content += text_of(block.at("text"));
        if (type != "tool_use") continue;
        message.tool_calls.push_back(
            {text_of(block.at("id")), text_of(block.at("name")), json::serialize(block.at("input"))});
    }
    return message;
}

ChatMessage with_read_arguments(ChatMessage message) {
    for (ToolCall& call : message.tool_calls) call.arguments = json::serialize(json::parse(call.arguments));
    return message;
}

TEST(StreamTest, OpenAiStepsMakeTheWholeAnswer) {
    EXPECT_TRUE(rc::check([] {
        const ChatAnswer answer = random_answer();
        const json::value whole = json::parse(openai_chat_answer(answer));
        const StreamedAnswer streamed =
            read_openai_stream(openai_stream(answer, random_steps(answer), UsageChunk::kYes));
        RC_ASSERT(streamed.complaints == std::vector<std::string>());
        RC_ASSERT(streamed.message == answer.message);
        RC_ASSERT(whole_openai_message(whole) == answer.message);
        RC_ASSERT(streamed.id == text_of(whole.at("id")));
        RC_ASSERT(streamed.model == text_of(whole.at("model")));
        RC_ASSERT(streamed.finish_reason == text_of(whole.at_pointer("/choices/0/finish_reason")));
        RC_ASSERT(streamed.usage == whole.at("usage"));
        RC_ASSERT(streamed.memory == whole.at("kvasir"));
        const json::value& logprobs = whole.at_pointer("/choices/0/logprobs");
        RC_ASSERT(streamed.logprobs ==
                  (logprobs.is_null() ? json::array() : logprobs.at("content").as_array()));
    }));
}

TEST(StreamTest, AnthropicStepsMakeTheWholeAnswer) {
    EXPECT_TRUE(rc::check([] {
        const ChatAnswer answer = random_answer();
        const json::value whole = json::parse(anthropic_answer(answer));
        const StreamedAnswer streamed = read_anthropic_stream(anthropic_stream(answer, random_steps(answer)));
        RC_ASSERT(streamed.complaints == std::vector<std::string>());
        RC_ASSERT(streamed.message == answer.message);
        RC_ASSERT(whole_anthropic_message(whole) == with_read_arguments(answer.message));
        RC_ASSERT(streamed.id == text_of(whole.at("id")));
        RC_ASSERT(streamed.finish_reason == text_of(whole.at("stop_reason")));
        RC_ASSERT(streamed.stop_sequence == whole.at("stop_sequence"));
        RC_ASSERT(streamed.usage == whole.at("usage"));
        RC_ASSERT(streamed.memory == whole.at("kvasir"));
    }));
}

TEST(StreamTest, CompletionStepsMakeTheWholeText) {
    EXPECT_TRUE(rc::check([] {
        ChatAnswer answer = random_answer();
        answer.message.reasoning.clear();
        answer.message.tool_calls.clear();
        OpenAiCompletionStream stream({answer.id, answer.created_unix_s, answer.model, UsageChunk::kYes});
        std::string text;
        for (const AnswerDelta& step : random_steps(answer)) text += stream.delta(step);
        text += stream.finish(answer);
        std::vector<std::string> complaints;
        const auto events = read_events(text, complaints);
        RC_ASSERT(complaints.empty());
        RC_ASSERT(events.back().data == "[DONE]");
        std::string content;
        json::array offsets;
        json::value usage;
        for (std::size_t i = 0; i + 1 < events.size(); ++i) {
            const json::value chunk = json::parse(events[i].data);
            usage = chunk.at("usage");
            for (const json::value& choice : chunk.at("choices").as_array()) {
                content += text_of(choice.at("text"));
                if (choice.at("logprobs").is_null()) continue;
                for (const json::value& offset : choice.at_pointer("/logprobs/text_offset").as_array()) {
                    offsets.push_back(offset);
                }
            }
        }
        const json::value whole = json::parse(openai_completion_answer(answer));
        RC_ASSERT(content == answer.message.content);
        RC_ASSERT(content == text_of(whole.at_pointer("/choices/0/text")));
        RC_ASSERT(usage == whole.at("usage"));
        const json::value& logprobs = whole.at_pointer("/choices/0/logprobs");
        RC_ASSERT(offsets == (logprobs.is_null() ? json::array() : logprobs.at("text_offset").as_array()));
    }));
}

ChatAnswer answer_with_a_call() {
    ChatAnswer answer;
    answer.id = "id";
    answer.model = "m";
    answer.message = {
        Role::kAssistant, "Let me look.", "Hm.", {{"call_1", "weather", R"({"city":"Oslo"})"}}, "", ""};
    answer.finish_reason = FinishReason::kToolCalls;
    return answer;
}

std::vector<AnswerDelta> steps_of_the_call() {
    return {{"", "Hm.", {}, {}},
            {"Let me look.", "", {{0, "call_1", "weather", ""}}, {}},
            {"", "", {{0, "", "", R"({"city":)"}}, {}},
            {"", "", {{0, "", "", R"("Oslo"})"}}, {}}};
}

TEST(StreamTest, TextAfterACallIsABlockOfItsOwn) {
    std::vector<AnswerDelta> steps = steps_of_the_call();
    steps.back().content = " Wait.";
    steps.push_back({"", "", {{1, "call_2", "weather", "{}"}}, {}});
    const StreamedAnswer streamed = read_anthropic_stream(anthropic_stream(answer_with_a_call(), steps));
    EXPECT_THAT(streamed.complaints, IsEmpty());
    EXPECT_EQ(streamed.message.content, "Let me look. Wait.");
    ASSERT_EQ(streamed.message.tool_calls.size(), 2U);
    EXPECT_EQ(streamed.message.tool_calls[0].arguments, R"({"city":"Oslo"})");
    EXPECT_EQ(streamed.message.tool_calls[1].id, "call_2");
}

TEST(StreamTest, UsageIsNullUntilTheLastChunkAndAbsentWhenNotAskedFor) {
    const auto usages = [](UsageChunk asked) {
        std::vector<std::string> complaints;
        std::vector<std::string> out;
        for (const SseEvent& event :
             read_events(openai_stream(answer_with_a_call(), steps_of_the_call(), asked), complaints)) {
            if (event.data == "[DONE]") continue;
            const json::object chunk = json::parse(event.data).as_object();
            const json::value* const usage = chunk.if_contains("usage");
            out.push_back(usage == nullptr ? "absent" : usage->is_null() ? "null" : "given");
            const bool is_given = usage != nullptr && !usage->is_null();
            EXPECT_EQ(chunk.at("choices").as_array().empty(), is_given);
        }
        return out;
    };
    EXPECT_EQ(usages(UsageChunk::kYes),
              (std::vector<std::string>{"null", "null", "null", "null", "null", "null", "given"}));
    EXPECT_EQ(usages(UsageChunk::kNo), std::vector<std::string>(6, "absent"));
}

TEST(StreamTest, NothingToSayIsNoEvent) {
    EXPECT_EQ(OpenAiChatStream({}).delta({}), "");
    EXPECT_EQ(OpenAiCompletionStream({}).delta({}), "");
    EXPECT_EQ(AnthropicStream("id", "m").delta({}), "");
}

TEST(StreamTest, ErrorsInsideAStreamHaveTheFormOfTheProtocol) {
    const ApiError error = api_error({ErrorCode::kIo, "the disk failed"});
    const OpenAiChatStream openai({"id", 1, "m", UsageChunk::kNo});
    const StreamedAnswer failed = read_openai_stream(openai.begin() + openai.error(error));
    EXPECT_THAT(failed.complaints, IsEmpty());
    EXPECT_EQ(text_of(failed.error.at("message")), "the disk failed");
    AnthropicStream anthropic("id", "m");
    const StreamedAnswer also = read_anthropic_stream(anthropic.begin({}) + anthropic.error(error));
    EXPECT_THAT(also.complaints, IsEmpty());
    EXPECT_EQ(text_of(also.error.at("type")), "api_error");
}

// Controls: the readers complain about streams that are broken.
TEST(StreamReaderControl, SeesWhatIsBroken) {
    const ChatAnswer answer = answer_with_a_call();
    std::vector<AnswerDelta> steps = steps_of_the_call();
    steps[2].tool_calls[0].id = "call_1";
    EXPECT_THAT(read_openai_stream(openai_stream(answer, steps, UsageChunk::kNo)).complaints,
                Contains("id or name twice"));
    const std::string good = anthropic_stream(answer, steps_of_the_call());
    ASSERT_THAT(read_anthropic_stream(good).complaints, IsEmpty());
    const std::size_t stop = good.find("event: content_block_stop");
    std::string broken = good;
    broken.erase(stop, good.find("\n\n", stop) + 2 - stop);
    EXPECT_THAT(read_anthropic_stream(broken).complaints, Contains(HasSubstr("out of place")));
    broken = good;
    broken.replace(broken.find("\"index\":1"), 9, "\"index\":2");
    EXPECT_THAT(read_anthropic_stream(broken).complaints, Contains("blocks are not counted"));
    std::string cut = openai_stream(answer, steps_of_the_call(), UsageChunk::kNo);
    cut.resize(cut.size() - 14);  // data: [DONE]
    EXPECT_THAT(read_openai_stream(cut).complaints, Contains("no [DONE]"));
}

TEST(StreamReaderControl, ALostStepMakesAnotherAnswer) {
    std::vector<AnswerDelta> steps = steps_of_the_call();
    steps.erase(steps.begin() + 2);
    EXPECT_NE(read_openai_stream(openai_stream(answer_with_a_call(), steps, UsageChunk::kNo)).message,
              answer_with_a_call().message);
    EXPECT_NE(read_anthropic_stream(anthropic_stream(answer_with_a_call(), steps)).message,
              answer_with_a_call().message);
}

}  // namespace
}  // namespace kvasir::test
