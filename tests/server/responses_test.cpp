// OpenAI's Responses and Conversations over HTTP, on the fake engine: exact, and across restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const char* const kResponses = "/v1/responses";

json::object asked(const json::value& input, int tokens_max = 12) {
    return {{"model", "any"}, {"input", input}, {"max_output_tokens", tokens_max}, {"temperature", 0}};
}

std::string id_of(const HttpAnswer& answer) { return json::value_to<std::string>(answer.json().at("id")); }

std::string text_of(const json::value& response) {
    std::string text;
    for (const json::value& item : response.at("output").as_array()) {
        if (item.at("type") == "message") text += item.at("content").at(0).at("text").as_string();
    }
    return text;
}
std::string text_of(const HttpAnswer& answer) { return text_of(answer.json()); }

std::int64_t input_tokens(const HttpAnswer& answer) {
    return answer.json().at("usage").at("input_tokens").as_int64();
}
std::int64_t cached_tokens(const HttpAnswer& answer) {
    return answer.json().at("usage").at("input_tokens_details").at("cached_tokens").as_int64();
}
std::int64_t total_tokens(const HttpAnswer& answer) {
    return answer.json().at("usage").at("total_tokens").as_int64();
}

TEST(Responses, AnIdIsAPlaceToGoOnFromAlsoAfterARestart) {
    ServedWorld served;
    ExactAgents exact;
    exact.create("x", "You are Ada.");
    std::string previous;
    std::int64_t known = 0;
    for (int i = 0; i < 4; ++i) {
        const std::string text = "message " + std::to_string(i);
        json::object body = asked(json::value(text));
        body["instructions"] = "You are Ada.";
        if (!previous.empty()) body["previous_response_id"] = previous;
        const HttpAnswer answer = served.client().post(kResponses, body);
        ASSERT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(text_of(answer), exact.answer(served.world().engine().fake(), "x", text, 12));
        if (i > 0) {
            EXPECT_EQ(cached_tokens(answer), known - 1) << "all but the last token of the answer";
        }
        known = total_tokens(answer);
        previous = id_of(answer);
        if (i == 1) served.restart();
        const HttpAnswer again = served.client().get("/v1/responses/" + previous);
        ASSERT_EQ(again.status, 200) << again.body;
        json::object told = answer.json().as_object();
        told.erase("kvasir");
        EXPECT_EQ(again.json(), json::value(told));
    }
}

TEST(Responses, AnEarlierIdIsABranchPoint) {
    ServedWorld served;
    const HttpAnswer first = served.client().post(kResponses, asked(json::value("one " + words(200))));
    json::object next = asked(json::value("two " + words(200)));
    next["previous_response_id"] = id_of(first);
    const HttpAnswer second = served.client().post(kResponses, next);
    next["input"] = "another " + words(200);
    const HttpAnswer branch = served.client().post(kResponses, next);
    EXPECT_GE(cached_tokens(branch), total_tokens(first) - 1);
    EXPECT_LT(cached_tokens(branch), total_tokens(second) - 200) << "not what only the other one said";
    next["previous_response_id"] = id_of(second);
    next["input"] = "three";
    EXPECT_EQ(cached_tokens(served.client().post(kResponses, next)), total_tokens(second) - 1)
        << "the main line is undisturbed";
}

TEST(Responses, InstructionsAreEachRequestsOwn) {
    ServedWorld served;
    json::object body = asked("hello");
    body["instructions"] = "You are Ada.";
    const HttpAnswer first = served.client().post(kResponses, body);
    json::object next = asked("and now?");
    next["previous_response_id"] = id_of(first);
    next["instructions"] = "You are Eve.";
    const HttpAnswer changed = served.client().post(kResponses, next);
    const json::array sent{said_json("system", "You are Eve."), said_json("user", "hello"),
                           said_json("assistant", text_of(first)), said_json("user", "and now?")};
    const HttpAnswer whole =
        served.client().post("/v1/chat/completions", chat_of(sent), {{"X-Kvasir-Agent", "b"}});
    EXPECT_EQ(text_of(changed),
              std::string(whole.json().at("choices").at(0).at("message").at("content").as_string()));
    next.erase("instructions");
    const HttpAnswer without = served.client().post(kResponses, next);
    EXPECT_LT(input_tokens(without), input_tokens(changed));
}

TEST(Responses, AStreamHasItsEventsInOrderAndEndsWithTheWhole) {
    ServedWorld served;
    json::object body = asked("talk", 30);
    const HttpAnswer whole = served.client().post(kResponses, body, {{"X-Kvasir-Agent", "whole"}});
    body["stream"] = true;
    const HttpAnswer stream = served.client().post(kResponses, body, {{"X-Kvasir-Agent", "stream"}});
    ASSERT_EQ(stream.headers.at("content-type"), "text/event-stream");
    const json::array events = stream.events();
    ASSERT_GE(events.size(), 8U) << stream.body;
    EXPECT_EQ(events[0].at("type"), "response.created");
    EXPECT_EQ(events[1].at("type"), "response.in_progress");
    std::string text;
    for (std::size_t i = 0; i < events.size(); ++i) {
        EXPECT_EQ(events[i].at("sequence_number").to_number<std::size_t>(), i);
        if (events[i].at("type") == "response.output_text.delta") text += events[i].at("delta").as_string();
    }
    EXPECT_EQ(text, text_of(whole));
    const json::value last = events.back().at("response");
    EXPECT_EQ(text_of(last), text);
    const HttpAnswer stored =
        served.client().get("/v1/responses/" + json::value_to<std::string>(last.at("id")));
    json::object told = last.as_object();
    told.erase("kvasir");
    EXPECT_EQ(stored.json(), json::value(told)) << "what was streamed is what is stored";
}

TEST(Responses, WhatIsNotStoredIsNotFoundButItsWordsAreReused) {
    ServedWorld served;
    json::object body = asked("remember me");
    body["store"] = false;
    const HttpAnswer first = served.client().post(kResponses, body);
    EXPECT_EQ(served.client().get("/v1/responses/" + id_of(first)).status, 404);
    json::object next = asked("again");
    next["previous_response_id"] = id_of(first);
    const HttpAnswer lost = served.client().post(kResponses, next);
    EXPECT_EQ(lost.status, 400);
    EXPECT_EQ(lost.json().at("error").at("code"), "previous_response_not_found");
    const json::value answered = first.json();
    json::array resent{said_json("user", "remember me")};
    for (const json::value& item : answered.at("output").as_array()) resent.push_back(item);
    resent.push_back(said_json("user", "again"));
    EXPECT_EQ(cached_tokens(served.client().post(kResponses, asked(resent))), total_tokens(first) - 1);
}

TEST(Responses, ItemsMayBeReferredTo) {
    ServedWorld served;
    const HttpAnswer first = served.client().post(kResponses, asked("remember me"));
    const json::value item = first.json().at("output").at(0).at("id");
    const json::array input{said_json("user", "remember me"),
                            json::object{{"type", "item_reference"}, {"id", item}},
                            said_json("user", "again")};
    EXPECT_EQ(cached_tokens(served.client().post(kResponses, asked(input))), total_tokens(first) - 1);
    const HttpAnswer unknown = served.client().post(
        kResponses, asked(json::array{json::object{{"type", "item_reference"}, {"id", "msg_0"}}}));
    EXPECT_EQ(unknown.status, 400);
    EXPECT_EQ(unknown.json().at("error").at("code"), "item_not_found");
}

TEST(Responses, InputIsListedAndDeletingForgetsTheResponseOnly) {
    ServedWorld served;
    const HttpAnswer first = served.client().post(
        kResponses,
        asked(json::array{said_json("user", "one"), said_json("user", "two"), said_json("user", "three")}));
    const std::string path = "/v1/responses/" + id_of(first);
    const HttpAnswer page = served.client().get(path + "/input_items?limit=2&order=asc");
    ASSERT_EQ(page.json().at("data").as_array().size(), 2U) << page.body;
    EXPECT_EQ(page.json().at("data").at(0).at("content").at(0).at("text"), "one");
    EXPECT_EQ(page.json().at("has_more"), true);
    json::object next = asked("four");
    next["previous_response_id"] = id_of(first);
    const HttpAnswer child = served.client().post(kResponses, next);
    EXPECT_EQ(served.client().request("DELETE", path, "", {}).json().at("deleted"), true);
    EXPECT_EQ(served.client().get(path).status, 404);
    next["previous_response_id"] = id_of(child);
    EXPECT_EQ(cached_tokens(served.client().post(kResponses, next)), total_tokens(child) - 1)
        << "a later one still has the whole conversation";
}

TEST(Responses, TokensAreCountedAsTheyWillBeAsked) {
    ServedWorld served;
    json::object body = asked("how long is this?");
    body["instructions"] = "You are Ada.";
    const HttpAnswer counted = served.client().post("/v1/responses/input_tokens", body);
    EXPECT_EQ(counted.json().at("input_tokens").as_int64(),
              input_tokens(served.client().post(kResponses, body)));
}

TEST(Responses, OneThatIsBeingMadeCanBeCancelled) {
    ServedOptions slow;
    slow.step_ms = 5;
    ServedWorld served(slow);
    json::object body = asked("talk for long", 1000);
    body["stream"] = true;
    body["logit_bias"] = json::object{{std::to_string(kFakeImEnd), -100}};  // it does not end by itself
    std::string id;
    std::thread client([&] {
        served.client().hang_up(
            kResponses, body,
            [&](const std::string& text) {
                const std::size_t at = text.find("\"id\":\"resp_");
                if (id.empty() && text.find("output_text.delta") != std::string::npos) {
                    id = text.substr(at + 6, text.find('"', at + 6) - at - 6);
                    const HttpAnswer cancelled =
                        served.client().request("POST", "/v1/responses/" + id + "/cancel", "{}", {});
                    EXPECT_EQ(cancelled.status, 200) << cancelled.body;
                    EXPECT_EQ(cancelled.json().at("status"), "cancelled");
                }
                return text.find("response.incomplete") != std::string::npos;
            },
            5000);
    });
    client.join();
    ASSERT_FALSE(id.empty());
    EXPECT_LT(served.scheduler().stats().steps, 400U);
    EXPECT_EQ(served.client().get("/v1/responses/" + id).json().at("status"), "cancelled");
    EXPECT_EQ(served.client().request("POST", "/v1/responses/" + id + "/cancel", "{}", {}).status, 400);
    EXPECT_EQ(served.client().request("POST", "/v1/responses/resp_0/cancel", "{}", {}).status, 404);
}

TEST(Responses, AnAgentsResponsesAreItsOwnAndGoWithIt) {
    ServedWorld served;
    const HttpAnswer first = served.client().post("/agents/ada/v1/responses", asked("one"));
    ASSERT_EQ(first.status, 200) << first.body;
    EXPECT_EQ(served.client().get("/agents/eve/v1/responses/" + id_of(first)).status, 404);
    EXPECT_EQ(served.client().get("/agents/ada/v1/responses/" + id_of(first)).status, 200);
    json::object next = asked("two");
    next["previous_response_id"] = id_of(first);
    EXPECT_EQ(served.client().post("/agents/eve/v1/responses", next).status, 400);
    const HttpAnswer second = served.client().post(kResponses, next, {{"session-id", "a-session"}});
    EXPECT_EQ(second.headers.at("x-kvasir-agent"), "ada") << "whose response it is, is who speaks";
    EXPECT_EQ(served.client().get("/agents/ada").json().at("turns").to_number<int>(), 2);
    EXPECT_EQ(served.client().request("DELETE", "/agents/ada", "", {}).status, 200);
    EXPECT_EQ(served.client().get("/v1/responses/" + id_of(first)).status, 404);
}

TEST(Responses, ARetryUnderOneIdempotencyKeyIsTheSameResponse) {
    ServedWorld served;
    const HeaderList headers{{"X-Kvasir-Agent", "ada"}, {"Idempotency-Key", "k1"}};
    const HttpAnswer first = served.client().post(kResponses, asked("once"), headers);
    served.restart();
    const HttpAnswer again = served.client().post(kResponses, asked("once"), headers);
    EXPECT_EQ(id_of(first), id_of(again));
    EXPECT_EQ(text_of(first), text_of(again));
    EXPECT_EQ(served.client().get("/agents/ada").json().at("turns").to_number<int>(), 1);
}

class Conversations : public testing::Test {
  protected:
    std::string create(const json::object& body = {}) {
        const HttpAnswer made = served.client().post("/v1/conversations", body);
        EXPECT_EQ(made.status, 200) << made.body;
        return id_of(made);
    }
    HttpAnswer say(const std::string& conversation, const std::string& text) {
        json::object body = asked(json::value(text));
        body["conversation"] = conversation;
        return served.client().post(kResponses, body);
    }
    json::array items(const std::string& conversation) {
        const HttpAnswer page =
            served.client().get("/v1/conversations/" + conversation + "/items?order=asc&limit=100");
        EXPECT_EQ(page.status, 200) << page.body;
        return page.json().at("data").as_array();
    }

    ServedWorld served;
};

TEST_F(Conversations, AreHeldHereAndGoOnAfterARestart) {
    const std::string id = create(json::object{{"metadata", {{"topic", "demo"}}}});
    const HttpAnswer first = say(id, "one");
    ASSERT_EQ(first.status, 200) << first.body;
    EXPECT_EQ(first.json().at("conversation").at("id"), json::string(id));
    served.restart();
    EXPECT_EQ(served.client().get("/v1/conversations/" + id).json().at("metadata").at("topic"), "demo");
    const HttpAnswer second = say(id, "two");
    EXPECT_EQ(cached_tokens(second), total_tokens(first) - 1);
    const json::array all = items(id);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[1].at("role"), "assistant");
    EXPECT_EQ(all[2].at("content").at(0).at("text"), "two");
    EXPECT_EQ(served.client().get("/agents/" + id).json().at("turns").to_number<int>(), 2)
        << "an agent of its own";
}

TEST_F(Conversations, ItemsAreAddedReadAndDeleted) {
    const std::string id = create(json::object{{"items", json::array{said_json("user", "before")}}});
    const std::string path = "/v1/conversations/" + id;
    const HttpAnswer added = served.client().post(
        path + "/items",
        json::object{{"items", json::array{said_json("assistant", "yes"), said_json("user", "after")}}});
    ASSERT_EQ(added.status, 200) << added.body;
    const std::string item = json::value_to<std::string>(added.json().at("data").at(0).at("id"));
    EXPECT_EQ(served.client().get(path + "/items/" + item).json().at("role"), "assistant");
    EXPECT_EQ(items(id).size(), 3U);
    EXPECT_EQ(served.client().request("DELETE", path + "/items/" + item, "", {}).status, 200);
    EXPECT_EQ(served.client().get(path + "/items/" + item).status, 404);
    const HttpAnswer answered = say(id, "now");
    const json::array sent{said_json("user", "before"), said_json("user", "after"), said_json("user", "now")};
    const HttpAnswer whole =
        served.client().post("/v1/chat/completions", chat_of(sent), {{"X-Kvasir-Agent", "b"}});
    EXPECT_EQ(text_of(answered),
              std::string(whole.json().at("choices").at(0).at("message").at("content").as_string()));
    EXPECT_EQ(
        served.client().post(path, json::object{{"metadata", {{"a", "b"}}}}).json().at("metadata").at("a"),
        "b");
    EXPECT_EQ(served.client().request("DELETE", path, "", {}).json().at("object"), "conversation.deleted");
    EXPECT_EQ(served.client().get(path).status, 404);
    EXPECT_EQ(say(id, "gone").json().at("error").at("code"), "conversation_not_found");
}

TEST_F(Conversations, BadRequestsAreToldWhatIsWrong) {
    EXPECT_EQ(served.client().get("/v1/conversations/conv_0").status, 404);
    const std::string path = "/v1/conversations/" + create() + "/items";
    EXPECT_EQ(served.client().get(path + "?limit=0").status, 400);
    EXPECT_EQ(served.client().post(path, json::object{{"items", json::array{}}}).status, 400);
    const HttpAnswer image = served.client().post(
        path, json::object{{"items", json::array{json::object{
                                         {"role", "user"},
                                         {"content", json::array{json::object{{"type", "input_image"}}}}}}}});
    EXPECT_THAT(image.body, HasSubstr("items[0].content[0].type"));
}

}  // namespace
}  // namespace kvasir::test
