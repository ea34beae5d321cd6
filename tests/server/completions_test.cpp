// POST /v1/completions: texts continued without a chat template.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

constexpr const char* kCompletions = "/v1/completions";

json::object text_of_tokens(std::string_view prompt, int tokens) {
    return {{"model", "any"}, {"prompt", prompt}, {"max_tokens", tokens}, {"temperature", 0}};
}

std::string continued(const HttpAnswer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    return std::string(answer.json().at("choices").at(0).at("text").as_string());
}

std::int64_t cached(const HttpAnswer& answer) {
    return answer.json().at("usage").at("prompt_tokens_details").at("cached_tokens").as_int64();
}

TEST(Completions, AStreamIsTheWholeText) {
    ServedWorld served;
    std::size_t bytes = 0;
    for (int i = 0; i < 5; ++i) {
        json::object body = text_of_tokens("Chapter " + std::to_string(i), 24);
        const std::string whole =
            continued(served.client().post(kCompletions, body, {{"X-Kvasir-Agent", "whole"}}));
        body["stream"] = true;
        const HttpAnswer stream = served.client().post(kCompletions, body, {{"X-Kvasir-Agent", "stream"}});
        std::string joined;
        for (const json::value& event : stream.events()) {
            for (const json::value& choice : event.at("choices").as_array())
                joined += choice.at("text").as_string();
        }
        EXPECT_EQ(joined, whole);
        EXPECT_THAT(stream.body, HasSubstr("data: [DONE]"));
        bytes += whole.size();
    }
    EXPECT_GT(bytes, 20U);
}

TEST(Completions, TheSameBeginningIsNotReadAgain) {
    ServedWorld served;
    const HeaderList ada{{"X-Kvasir-Agent", "ada"}};
    std::string prompt;
    for (int i = 0; i < 90; ++i) prompt += "line " + std::to_string(i) + "; ";
    const std::string first = continued(served.client().post(kCompletions, text_of_tokens(prompt, 8), ada));
    const std::string longer = prompt + first + " and then";
    const HttpAnswer cold =
        served.client().post(kCompletions, text_of_tokens(longer, 8), {{"X-Kvasir-Agent", "nobody"}});
    const HttpAnswer hot = served.client().post(kCompletions, text_of_tokens(longer, 8), ada);
    EXPECT_GT(cached(hot), static_cast<std::int64_t>(prompt.size()) / 2) << hot.body;
    EXPECT_EQ(continued(hot), continued(cold)) << "memory only makes things faster";
    served.restart();
    const HttpAnswer restored = served.client().post(kCompletions, text_of_tokens(longer, 8), ada);
    EXPECT_GT(cached(restored), 0) << restored.body;
    EXPECT_EQ(continued(restored), continued(cold));
}

TEST(Completions, TokensAreAPromptToo) {
    ServedWorld served;
    json::object body = text_of_tokens("", 8);
    body["prompt"] = json::array{70, 71, 72};
    const std::string by_tokens =
        continued(served.client().post(kCompletions, body, {{"X-Kvasir-Agent", "tokens"}}));
    EXPECT_FALSE(by_tokens.empty());
    body["prompt"] = json::array{70, 1'000'000'000};
    const HttpAnswer refused = served.client().post(kCompletions, body);
    EXPECT_EQ(refused.status, 400);
    EXPECT_THAT(refused.body, HasSubstr("token 1000000000"));
    EXPECT_EQ(served.client().post(kCompletions, text_of_tokens("", 8)).status, 400);
}

TEST(Completions, AreNoPartOfTheConversation) {
    ServedWorld served;
    const HttpClient client = served.client();
    const auto say = [&](const std::string& name) {
        return client.post("/agents/" + name + "/messages",
                           json::object{{"content", "and who are you?"}, {"max_tokens", 12}});
    };
    for (const char* name : {"ada", "eve"})
        client.post("/agents", json::object{{"name", name}, {"system_prompt", "You are one of two."}});
    continued(client.post("/agents/ada/v1/completions", text_of_tokens("Between the lines", 8)));
    EXPECT_EQ(say("ada").json().at("content"), say("eve").json().at("content"));
    const json::value turns = client.get("/agents/ada/turns").json();
    EXPECT_THAT(json::serialize(turns), Not(HasSubstr("Between the lines")));
    // A chat without a system prompt begins anew, not at such a text.
    const HttpAnswer chat = client.post(
        "/agents/ada/v1/chat/completions",
        json::object{{"model", "any"},
                     {"max_tokens", 4},
                     {"messages", json::array{json::object{{"role", "user"}, {"content", "hi"}}}}});
    EXPECT_EQ(chat.status, 200) << chat.body;
}

}  // namespace
}  // namespace kvasir::test
