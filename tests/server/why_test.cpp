// The memory explains itself over HTTP: after a request, and before one is sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const char* const kChat = "/agents/ada/v1/chat/completions";

std::string content_of(const HttpAnswer& answer) {
    return std::string(answer.json().at("choices").at(0).at("message").at("content").as_string());
}

TEST(Why, ARequestIsExplainedByItsIdAndByItsAgent) {
    ServedWorld served;
    json::array messages{said_json("system", "You are Ada. " + words(200)),
                         said_json("user", "first on Monday")};
    const HttpAnswer first = served.client().post(kChat, chat_of(messages), {{"X-Request-Id", "req-1"}});
    ASSERT_EQ(first.status, 200) << first.body;
    messages.push_back(said_json("assistant", content_of(first)));
    messages.push_back(said_json("user", "second"));
    messages[1] = said_json("user", "first on Tuesday");
    const HttpAnswer second = served.client().post(kChat, chat_of(messages), {{"X-Request-Id", "req-2"}});
    EXPECT_EQ(second.json().at("kvasir").at("changed_field"), "messages[1].content");
    EXPECT_EQ(second.headers.at("x-kvasir-not-reused"), "prefix_changed");
    const json::value why = served.client().get("/why/req-2").json();
    EXPECT_THAT(json::serialize(why.at("difference").at("stored")), HasSubstr("Monday"));
    EXPECT_THAT(json::serialize(why.at("difference").at("received")), HasSubstr("Tuesday"));
    EXPECT_THAT(json::serialize(why.at("difference").at("fix")), HasSubstr("only add messages at the end"));
    const json::array all = served.client().get("/agents/ada/why").json().at("requests").as_array();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].at("request"), "req-2");
    EXPECT_TRUE(all[1].at("difference").is_null());
    EXPECT_EQ(served.client().get("/why/req-3").status, 404);
}

TEST(Why, EveryProtocolCanAskBeforeItSends) {
    ServedWorld served;
    const HttpAnswer first = served.client().post(
        "/agents/ada/v1/messages",
        json::object{
            {"model", "any"},
            {"max_tokens", 12},
            {"system", "x-anthropic-billing-header: cc_version=1; cch=7;\nYou are Ada. " + words(200)},
            {"messages", json::array{said_json("user", "first")}}});
    ASSERT_EQ(first.status, 200) << first.body;
    const std::string text(first.json().at("content").at(0).at("text").as_string());
    const json::array messages{said_json("user", "first"), said_json("assistant", text),
                               said_json("user", "second")};
    const json::object anthropic{
        {"model", "any"},
        {"max_tokens", 12},
        {"system", "x-anthropic-billing-header: cc_version=2; cch=8;\nYou are Ada. " + words(200)},
        {"messages", messages}};
    const HttpAnswer dry = served.client().post("/agents/ada/why", anthropic);
    ASSERT_EQ(dry.status, 200) << dry.body;
    EXPECT_EQ(dry.json().at("found_by"), "messages");
    EXPECT_EQ(dry.json().at("messages_known").to_number<int>(), 3);
    EXPECT_THAT(json::serialize(dry.json().at("notes")), HasSubstr("x-anthropic-billing-header"));
    json::array chat{said_json("system", "You are Ada. " + words(200))};
    chat.insert(chat.end(), messages.begin(), messages.end());
    EXPECT_EQ(
        served.client().post("/agents/ada/why", json::object{{"messages", chat}}).json().at("reused_tokens"),
        dry.json().at("reused_tokens"));
    const HttpAnswer responses = served.client().post(
        "/agents/ada/why", json::object{{"instructions", "You are Ada. " + words(200)}, {"input", messages}});
    ASSERT_EQ(responses.status, 200) << responses.body;
    EXPECT_EQ(responses.json().at("reused_tokens"), dry.json().at("reused_tokens"));
    EXPECT_EQ(served.client().get("/agents/ada").json().at("turns").to_number<int>(), 1)
        << "nothing was said";
}

}  // namespace
}  // namespace kvasir::test
