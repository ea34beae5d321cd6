// The compatible protocols over HTTP, on the fake engine: exact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const char* const kChat = "/v1/chat/completions";

std::string content_of(const HttpAnswer& answer) {
    const json::value value = answer.json();
    return std::string(value.at("choices").at(0).at("message").at("content").as_string());
}

std::string streamed_content(const HttpAnswer& answer) {
    std::string text;
    for (const json::value& event : answer.events()) {
        const json::array& choices = event.at("choices").as_array();
        if (choices.empty()) continue;
        if (const json::value* content = choices[0].at("delta").as_object().if_contains("content"))
            text += content->as_string();
    }
    return text;
}

TEST(Chat, AnswersAreExactAndCachedTokensAreToldAcrossARestart) {
    ServedWorld served;
    ExactAgents exact;
    exact.create("x", "You are Ada.");
    json::array messages{said_json("system", "You are Ada.")};
    std::int64_t known = 0;
    for (int i = 0; i < 4; ++i) {
        const std::string text = "message " + std::to_string(i);
        messages.push_back(said_json("user", text));
        const HttpAnswer answer = served.client().post(kChat, chat_of(messages), {{"X-Kvasir-Agent", "ada"}});
        ASSERT_EQ(answer.status, 200) << answer.body;
        const std::string expected = exact.answer(served.world().engine().fake(), "x", text, 12);
        EXPECT_EQ(content_of(answer), expected);
        const json::value usage = answer.json().at("usage");
        const std::int64_t cached = usage.at("prompt_tokens_details").at("cached_tokens").as_int64();
        const std::int64_t evaluated =
            answer.json().at("kvasir").at("evaluated_tokens").to_number<std::int64_t>();
        EXPECT_EQ(usage.at("prompt_tokens").as_int64(), cached + evaluated);
        if (i > 0) {
            EXPECT_EQ(cached, known - 1) << "all but the last token of the answer";
        }
        known = usage.at("total_tokens").as_int64();
        messages.push_back(said_json("assistant", content_of(answer)));
        if (i == 1) served.restart();
    }
}

TEST(Chat, AStreamIsTheWholeAnswer) {
    ServedWorld served;
    for (int i = 0; i < 5; ++i) {
        json::object body = chat_of({said_json("user", "talk about " + std::to_string(i))}, 40);
        const HttpAnswer whole = served.client().post(kChat, body, {{"X-Kvasir-Agent", "whole"}});
        body["stream"] = true;
        body["stream_options"] = {{"include_usage", true}};
        const HttpAnswer stream = served.client().post(kChat, body, {{"X-Kvasir-Agent", "stream"}});
        ASSERT_EQ(stream.status, 200);
        EXPECT_EQ(stream.headers.at("content-type"), "text/event-stream");
        EXPECT_EQ(streamed_content(stream), content_of(whole));
        const json::array events = stream.events();
        EXPECT_EQ(events.back().at("usage").at("total_tokens"), whole.json().at("usage").at("total_tokens"));
        EXPECT_THAT(stream.body, HasSubstr("data: [DONE]"));
    }
}

TEST(Chat, AnthropicSaysTheSame) {
    ServedWorld served;
    const json::array messages{said_json("user", "hello there")};
    json::object body{{"model", "any"}, {"max_tokens", 20}, {"temperature", 0}, {"messages", messages}};
    body["system"] = "You are Ada.";
    const HttpAnswer counted = served.client().post(
        "/v1/messages/count_tokens",
        json::object{{"model", "any"}, {"system", "You are Ada."}, {"messages", messages}});
    const HttpAnswer whole = served.client().post("/agents/ada/v1/messages", body);
    ASSERT_EQ(whole.status, 200) << whole.body;
    EXPECT_EQ(whole.headers.at("request-id"), whole.headers.at("x-request-id"));
    const json::value usage = whole.json().at("usage");
    EXPECT_EQ(counted.json().at("input_tokens").as_int64(),
              usage.at("input_tokens").as_int64() + usage.at("cache_read_input_tokens").as_int64());
    body["stream"] = true;
    const HttpAnswer stream = served.client().post("/agents/eve/v1/messages", body);
    std::string text;
    for (const json::value& event : stream.events()) {
        if (event.at("type") == "content_block_delta") text += event.at("delta").at("text").as_string();
    }
    EXPECT_EQ(text, whole.json().at("content").at(0).at("text").as_string());
    const HttpAnswer openai = served.client().post(
        kChat, chat_of({said_json("system", "You are Ada."), said_json("user", "hello there")}, 20));
    EXPECT_EQ(content_of(openai), text) << "one model, two protocols";
}

TEST(Chat, AStopStringIsNotSentNorAnyOfIt) {
    ServedWorld served;
    json::object body = chat_of({said_json("user", "talk")}, 40);
    const std::string whole = content_of(served.client().post(kChat, body));
    ASSERT_GE(whole.size(), 6U);
    const std::string stop = whole.substr(3, 2);
    body["stop"] = stop;
    const HttpAnswer stopped = served.client().post(kChat, body, {{"X-Kvasir-Agent", "a"}});
    EXPECT_EQ(content_of(stopped), whole.substr(0, whole.find(stop)));
    EXPECT_EQ(stopped.json().at("choices").at(0).at("finish_reason"), "stop");
    body["stream"] = true;
    EXPECT_EQ(streamed_content(served.client().post(kChat, body, {{"X-Kvasir-Agent", "b"}})),
              content_of(stopped));
}

TEST(Chat, TooLongAPromptIsToldInWordsThatClientsKnow) {
    ServedOptions small;
    small.context_tokens = 256;
    ServedWorld served(small);
    const json::array messages{said_json("user", words(600))};
    const HttpAnswer openai = served.client().post(kChat, chat_of(messages));
    EXPECT_EQ(openai.status, 400);
    EXPECT_EQ(openai.json().at("error").at("code"), "context_length_exceeded");
    EXPECT_THAT(openai.body, HasSubstr("maximum context length"));
    const HttpAnswer anthropic = served.client().post(
        "/v1/messages", json::object{{"model", "any"}, {"max_tokens", 5}, {"messages", messages}});
    EXPECT_EQ(anthropic.status, 400);
    EXPECT_EQ(anthropic.json().at("error").at("type"), "invalid_request_error");
}

TEST(Chat, AFullContextLosesItsOldestTurnsWhereTheAgentIsSetSoAndSaysIt) {
    ServedOptions small;
    small.context_tokens = 1024;
    ServedWorld served(small);
    const char* const path = "/agents/ada/v1/chat/completions";
    json::array messages{said_json("system", "You are Ada.")};
    const auto ask = [&](int number) {
        messages.push_back(said_json("user", std::to_string(number) + words(200)));
        HttpAnswer answer = served.client().post(path, chat_of(messages));
        if (answer.status == 200) messages.push_back(said_json("assistant", content_of(answer)));
        return answer;
    };
    for (int i = 0; i < 4; ++i) ASSERT_EQ(ask(i).status, 200);
    EXPECT_GT(served.client().get("/agents/ada").json().at("context_fill").as_double(), 0.8);
    EXPECT_THAT(served.client().get("/metrics").body, HasSubstr("kvasir_context_fill_max"));
    EXPECT_EQ(ask(4).json().at("error").at("code"), "context_length_exceeded");
    EXPECT_EQ(served.client().post("/agents/ada/when_full", json::object{{"when_full", "shrug"}}).status,
              400);
    const HttpAnswer set =
        served.client().post("/agents/ada/when_full", json::object{{"when_full", "drop_oldest_turns"}});
    EXPECT_EQ(set.json().at("when_full"), "drop_oldest_turns") << set.body;
    messages.pop_back();
    const HttpAnswer after = ask(4);
    ASSERT_EQ(after.status, 200) << after.body;
    EXPECT_EQ(after.headers.at("x-kvasir-not-reused"), "oldest_turns_dropped");
    EXPECT_THAT(after.body, HasSubstr("oldest turn(s) were left out"));
    EXPECT_EQ(served.client().get("/agents/ada").json().at("turns").to_number<int>(), 5);
}

TEST(Chat, WhoGoesAwayEndsItsTurnAndNobodyElseNotices) {
    ServedOptions slow;
    slow.step_ms = 5;
    ServedWorld served(slow);
    json::object body = chat_of({said_json("user", "talk for long")}, 1000);
    body["stream"] = true;
    body["agent"] = "gone";
    const std::string seen = served.client().hang_up(
        kChat, body, [](const std::string& text) { return text.find("\"content\":\"") != std::string::npos; },
        5000);
    EXPECT_THAT(seen, HasSubstr("200 OK"));
    for (int i = 0; i < 200 && served.scheduler().stats().turns_active > 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(served.scheduler().stats().turns_active, 0U);
    EXPECT_LT(served.scheduler().stats().steps, 400U) << "not to the end of 1000 tokens";
    EXPECT_EQ(served.client().post(kChat, chat_of({said_json("user", "hello")})).status, 200);
}

TEST(Chat, ALongSilenceIsFilledInTheWordsOfTheProtocol) {
    ServedOptions slow;
    slow.step_ms = 250;
    slow.http.stream_comment_ms = 40;
    ServedWorld served(slow);
    json::object body = chat_of({said_json("user", "hello")}, 3);
    body["stream"] = true;
    const HttpAnswer openai = served.client().post(kChat, body);
    EXPECT_THAT(openai.body, HasSubstr(": keep-alive\n\n"));
    EXPECT_THAT(openai.body, testing::Not(HasSubstr("ping")));
    const HttpAnswer anthropic = served.client().post("/v1/messages", body);
    EXPECT_THAT(anthropic.body, HasSubstr("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
    EXPECT_LT(anthropic.body.find("event: message_start"), anthropic.body.find("event: ping"));
    EXPECT_THAT(anthropic.body, testing::Not(HasSubstr(": keep-alive")));
}

TEST(Chat, TooManyWaitingIsA429ThatSaysWhenToComeAgain) {
    ServedOptions busy;
    busy.step_ms = 20;
    busy.places = 1;
    busy.waiting_turns_max = 1;
    ServedWorld served(busy);
    std::vector<std::thread> clients;
    std::atomic<int> refused{0};
    std::atomic<int> answered{0};
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back([&, i] {
            const HttpAnswer answer =
                served.client().post(kChat, chat_of({said_json("user", "hello")}, 10),
                                     {{"X-Kvasir-Agent", "agent-" + std::to_string(i)}});
            if (answer.status == 200) ++answered;
            if (answer.status == 429) {
                ++refused;
                EXPECT_EQ(answer.headers.count("retry-after"), 1U) << answer.body;
            }
        });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_GT(refused.load(), 0);
    EXPECT_GT(answered.load(), 0);
    EXPECT_EQ(refused + answered, 8);
}

TEST(Chat, ARetryUnderOneIdempotencyKeyIsDoneOnce) {
    ServedWorld served;
    const json::object body = chat_of({said_json("user", "once")});
    const HeaderList headers{{"X-Kvasir-Agent", "ada"}, {"Idempotency-Key", "k1"}};
    const HttpAnswer first = served.client().post(kChat, body, headers);
    served.restart();
    const HttpAnswer again = served.client().post(kChat, body, headers);
    EXPECT_EQ(content_of(first), content_of(again));
    EXPECT_EQ(served.client().get("/agents/ada").json().at("turns").to_number<int>(), 1);
}

TEST(Chat, SixtyFourAgentsAtOnceHearOnlyThemselves) {
    ServedWorld served;
    ExactAgents exact;
    std::vector<std::string> expected;
    constexpr int kAgents = 64;
    for (int i = 0; i < kAgents; ++i) {
        const std::string name = std::to_string(i);
        exact.create(name, "You are number " + std::to_string(i * 7919));
        expected.push_back(exact.answer(served.world().engine().fake(), name, "who are you?", 12));
    }
    std::vector<std::thread> clients;
    std::atomic<int> next{0};
    std::atomic<int> wrong{0};
    for (int thread = 0; thread < 16; ++thread) {
        clients.emplace_back([&] {
            for (int i = next++; i < kAgents; i = next++) {
                const HttpAnswer answer = served.client().post(
                    kChat,
                    chat_of({said_json("system", "You are number " + std::to_string(i * 7919)),
                             said_json("user", "who are you?")}),
                    {{"X-Kvasir-Agent", "agent-" + std::to_string(i)}});
                if (answer.status != 200 || content_of(answer) != expected[static_cast<std::size_t>(i)])
                    ++wrong;
            }
        });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace kvasir::test
