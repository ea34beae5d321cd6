// Requests written as clients write them are read back as what they were.
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "api/anthropic.h"
#include "api/openai_chat.h"
#include "api/random_values.h"
#include "api/request_json.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

ContentForm random_form() { return *rc::gen::element(ContentForm::kString, ContentForm::kParts); }

TEST(RoundTripTest, OpenAi) {
    EXPECT_TRUE(rc::check([] {
        const ChatRequest request = random_request(Protocol::kOpenAi);
        const std::string text = json::serialize(openai_request_json(request, random_form()));
        const auto parsed = parse_openai_chat(text);
        if (!parsed) RC_FAIL(parsed.error().message + "\n" + text);
        if (*parsed != request) RC_FAIL("read back as another request: " + text);
    }));
}

TEST(RoundTripTest, Anthropic) {
    EXPECT_TRUE(rc::check([] {
        const ChatRequest request = random_request(Protocol::kAnthropic);
        const std::string text = json::serialize(anthropic_request_json(request, random_form()));
        const auto parsed = parse_anthropic_messages(text);
        if (!parsed) RC_FAIL(parsed.error().message + "\n" + text);
        if (*parsed != request) RC_FAIL("read back as another request: " + text);
    }));
}

// An answer that the client sends back is the answer: otherwise nothing of it could be reused.
TEST(RoundTripTest, AnswersComeBackAsTheyWere) {
    EXPECT_TRUE(rc::check([] {
        const ChatAnswer answer = random_answer();
        json::object openai{{"messages", json::array()}};
        openai["messages"].as_array().push_back(
            json::parse(openai_chat_answer(answer)).at_pointer("/choices/0/message"));
        const auto from_openai = parse_openai_chat(json::serialize(openai));
        RC_ASSERT(from_openai.has_value());
        RC_ASSERT(from_openai->messages.front() == answer.message);

        json::object assistant{{"role", "assistant"}};
        assistant["content"] = json::parse(anthropic_answer(answer)).at("content");
        json::object anthropic{{"model", "m"}, {"max_tokens", 1}, {"messages", json::array()}};
        anthropic["messages"].as_array().push_back(assistant);
        anthropic["messages"].as_array().push_back(json::object{{"role", "user"}, {"content", "x"}});
        const auto from_anthropic = parse_anthropic_messages(json::serialize(anthropic));
        RC_ASSERT(from_anthropic.has_value());
        RC_ASSERT(from_anthropic->messages.front() == answer.message);
    }));
}

// Control: the comparison sees a field that changed on the way.
TEST(RoundTripControl, AChangedFieldIsAnotherRequest) {
    EXPECT_FALSE(rc::check([] {
        const ChatRequest request = random_request(Protocol::kOpenAi);
        json::object written = openai_request_json(request, ContentForm::kString);
        written.erase("temperature");
        const auto parsed = parse_openai_chat(json::serialize(written));
        RC_ASSERT(parsed.has_value());
        RC_ASSERT(*parsed == request);
    }));
}

}  // namespace
}  // namespace kvasir::test
