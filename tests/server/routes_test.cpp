// Keys, paths, agents, events: everything about the server that is no conversation.
#include "server/routes.h"

#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/served_world.h"
#include "server/speaker.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

std::string filled(std::string pattern) {
    for (const auto& [from, to] : {std::pair{"{name}", "ada"}, std::pair{"{id}", "any"}}) {
        if (const std::size_t at = pattern.find(from); at != std::string::npos)
            pattern.replace(at, std::string(from).size(), to);
    }
    return pattern;
}

// Said here once more, so that a route that is opened by mistake is seen.
const std::set<std::string> kOpenToAll = {"/health", "/ready", "/openapi.json", "/docs"};

TEST(Authorisation, EveryRouteWithEveryKindOfKey) {
    ServedOptions options;
    options.api_keys = {"right-key", "another"};
    ServedWorld served(options);
    for (const Route& route : routes()) {
        const std::string path = filled(route.pattern);
        if (path == "/events") continue;  // never ends; below
        const std::string body =
            std::string(route.method) == "POST" || std::string(route.method) == "PATCH" ? "{}" : "";
        for (const HeaderList& headers :
             {HeaderList{}, HeaderList{{"Authorization", "Bearer wrong"}},
              HeaderList{{"x-api-key", "right-ke"}}, HeaderList{{"Authorization", "Basic right-key"}}}) {
            const int status = served.client().request(route.method, path, body, headers).status;
            EXPECT_EQ(status, kOpenToAll.contains(path) ? 200 : 401) << route.method << " " << path;
        }
        for (const HeaderList& headers :
             {HeaderList{{"Authorization", "Bearer right-key"}},
              HeaderList{{"authorization", "bearer another"}}, HeaderList{{"x-api-key", "right-key"}}}) {
            const int status = served.client().request(route.method, path, body, headers).status;
            EXPECT_NE(status, 401) << route.method << " " << path;
            EXPECT_NE(status, 0) << route.method << " " << path;
        }
    }
    EXPECT_EQ(served.client().get("/events").status, 401);
    EXPECT_EQ(served.client().get("/nowhere").status, 401)
        << "nobody without a key learns which paths there are";
    EXPECT_EQ(served.client().get("/nowhere", {{"x-api-key", "another"}}).status, 404);
}

TEST(Routes, WrongPathsAndMethodsAreToldInTheFormOfTheProtocol) {
    ServedWorld served;
    const HttpAnswer openai = served.client().get("/v1/nothing");
    EXPECT_EQ(openai.status, 404);
    EXPECT_TRUE(openai.json().at("error").at("message").is_string());
    const HttpAnswer anthropic = served.client().get("/v1/messages");
    EXPECT_EQ(anthropic.status, 405);
    EXPECT_EQ(anthropic.json().at("type"), "error");
    EXPECT_EQ(anthropic.headers.at("allow"), "POST");
    EXPECT_EQ(served.client().post("/v1/chat/completions", json::object{}).status, 400);
    EXPECT_EQ(served.client().request("POST", "/v1/chat/completions", "{", {}).status, 400);
    EXPECT_EQ(served.client().get("/agents/nobody").status, 404);
    EXPECT_EQ(served.client().get("/agents//turns").status, 404);
    EXPECT_EQ(served.client().get("/agents/%2e%2e%2fx").status, 404);
}

TEST(Agents, LiveTheirLifeOverHttp) {
    ServedWorld served;
    const HttpClient client = served.client();
    const HttpAnswer created = client.post(
        "/agents", json::object{{"name", "ada"}, {"type", "t"}, {"system_prompt", "You are Ada."}});
    ASSERT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(created.json().at("agent").at("tokens"), created.json().at("agent").at("cache_tokens"));
    EXPECT_EQ(client.post("/agents", json::object{{"name", "ada"}}).status, 409);
    EXPECT_EQ(client.post("/agents", json::object{{"name", "../x"}}).status, 400);
    served.world().exact().create("ada", "You are Ada.");
    const auto say = [&](const std::string& text) {
        const HttpAnswer answer = client.post(
            "/agents/ada/messages", json::object{{"content", text}, {"max_tokens", 12}, {"temperature", 0}});
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.json().at("content").as_string(),
                  served.world().exact().answer(served.world().engine().fake(), "ada", text, 12));
        return answer.json();
    };
    say("one");
    EXPECT_EQ(client.post("/agents/ada/save", {}).status, 200);
    EXPECT_EQ(client.post("/agents/ada/evict", {}).status, 200);
    EXPECT_EQ(client.get("/agents/ada").json().at("state"), "stored");
    EXPECT_EQ(client.post("/agents/ada/load", {}).json().at("source"), "disk");
    const json::value second = say("two");
    EXPECT_EQ(second.at("turn").to_number<int>(), 2);
    EXPECT_EQ(client.get("/agents/ada/turns").json().at("turns").as_array().size(), 2U);
    EXPECT_GT(client.get("/agents/ada/cache").json().at("append_blocks").to_number<int>(), 0);
    const HttpAnswer late =
        client.post("/agents/ada/messages", json::object{{"content", "x"}, {"expected_turn", 1}});
    EXPECT_EQ(late.status, 409);
    EXPECT_EQ(late.headers.at("x-should-retry"), "false");
    EXPECT_EQ(client.post("/agents/nobody/messages", json::object{{"content", "x"}}).status, 404);
    EXPECT_EQ(client.request("DELETE", "/agents/ada", "", {}).json().at("turns_removed").to_number<int>(), 2);
    EXPECT_EQ(client.get("/agents").json().at("agents").as_array().size(), 0U);
}

TEST(Agents, AreForkedAndGoBack) {
    ServedWorld served;
    const HttpClient client = served.client();
    client.post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    served.world().exact().create("ada", "You are Ada.");
    const auto say = [&](const std::string& name, const std::string& text) {
        const HttpAnswer answer =
            client.post("/agents/" + name + "/messages",
                        json::object{{"content", text}, {"max_tokens", 12}, {"temperature", 0}});
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.json().at("content").as_string(),
                  served.world().exact().answer(served.world().engine().fake(), name, text, 12));
        return answer.json();
    };
    say("ada", "one");
    const ExactAgents then = served.world().exact();
    say("ada", "two");
    const HttpAnswer forked = client.post("/agents/ada/fork", json::object{{"name", "bob"}, {"at", 1}});
    ASSERT_EQ(forked.status, 201) << forked.body;
    EXPECT_EQ(forked.json().at("source"), "ada");
    EXPECT_EQ(forked.json().at("agent").at("turns").to_number<int>(), 1);
    served.world().exact().copy("bob", then, "ada");
    EXPECT_EQ(say("bob", "another two").at("turn").to_number<int>(), 2);
    const HttpAnswer back = client.post("/agents/ada/rollback", json::object{{"to", 1}});
    ASSERT_EQ(back.status, 200) << back.body;
    EXPECT_EQ(back.json().at("turns_left").to_number<int>(), 1);
    served.world().exact().copy("ada", then, "ada");
    EXPECT_EQ(say("ada", "a third way").at("turn").to_number<int>(), 2);
    EXPECT_EQ(client.post("/agents/ada/fork", json::object{{"name", "bob"}}).status, 409);
    EXPECT_EQ(client.post("/agents/ada/fork", json::object{{"name", "../x"}}).status, 400);
    EXPECT_EQ(client.post("/agents/ada/fork", json::object{}).status, 400);
    EXPECT_EQ(client.post("/agents/ada/fork", json::object{{"name", "carl"}, {"at", 9}}).status, 404);
    EXPECT_EQ(client.post("/agents/nobody/fork", json::object{{"name", "carl"}}).status, 404);
    EXPECT_EQ(client.post("/agents/ada/rollback", json::object{}).status, 400);
    EXPECT_EQ(client.post("/agents/ada/rollback", json::object{{"to", -1}}).status, 400);
    EXPECT_EQ(client.post("/agents/ada/rollback", json::object{{"to", 9}}).status, 404);
    EXPECT_EQ(client.get("/agents").json().at("agents").as_array().size(), 2U);
}

TEST(Agents, WhatNeedsAPlaceWaitsForOne) {
    ServedOptions options;
    options.places = 1;
    options.step_ms = 20;
    ServedWorld served(options);
    const HttpClient client = served.client();
    ASSERT_EQ(client.post("/agents", json::object{{"name", "eve"}}).status, 201);
    ASSERT_EQ(client.post("/agents", json::object{{"name", "ada"}}).status, 201);
    std::thread talk([&] {
        const HttpAnswer said = client.post(
            "/agents/ada/messages", json::object{{"content", std::string(400, 'x')}, {"max_tokens", 8}});
        EXPECT_EQ(said.status, 200) << said.body;
    });
    while (served.scheduler().stats().turns_active == 0) std::this_thread::yield();
    EXPECT_EQ(client.post("/agents/eve/load", json::object{}).status, 200);
    EXPECT_EQ(client.post("/agents", json::object{{"name", "bob"}}).status, 201);
    talk.join();
}

TEST(Agents, AStreamOfOurOwnEndsWithEverything) {
    ServedWorld served;
    served.client().post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    const HttpAnswer stream = served.client().post(
        "/agents/ada/messages", json::object{{"content", "talk"}, {"stream", true}, {"max_tokens", 12}});
    const json::array events = stream.events();
    ASSERT_FALSE(events.empty());
    std::string text;
    for (std::size_t i = 0; i + 1 < events.size(); ++i) text += events[i].at("content").as_string();
    EXPECT_EQ(text, events.back().at("content").as_string());
    EXPECT_EQ(events.back().at("turn").to_number<int>(), 1);
}

TEST(Agents, ALongPromptTellsHowFarItIsRead) {
    ServedWorld served;
    served.client().post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    const auto progress_of = [&](std::size_t bytes) {
        const HttpAnswer stream = served.client().post(
            "/agents/ada/messages",
            json::object{
                {"content", std::string(bytes, 'x')}, {"stream", true}, {"raw", true}, {"max_tokens", 4}});
        std::vector<json::object> told;
        for (const json::value& event : stream.events()) {
            if (event.as_object().contains("phase")) told.push_back(event.as_object());
        }
        EXPECT_EQ(stream.events().back().at("finish_reason"), "length") << stream.body;
        EXPECT_EQ(stream.events().back().at("memory").at("answer_tokens").to_number<int>(), 4);
        return told;
    };
    EXPECT_EQ(progress_of(5).size(), 0U) << "that is read in a blink";
    const auto told = progress_of(1200);
    ASSERT_GT(told.size(), 1U);
    EXPECT_EQ(told.front().at("phase"), "prefill");
    EXPECT_LT(told.front().at("done").to_number<int>(), told.front().at("total").to_number<int>());
    EXPECT_EQ(told.back().at("done"), told.back().at("total"));
}

// What needs an agent's files waits for them, and nobody else does.
TEST(Agents, WhatNeedsASaveWaitsForItAndOthersGoOn) {
    ServedWorld served;
    const HttpClient client = served.client();
    for (const char* name : {"ada", "eve"})
        ASSERT_EQ(client.post("/agents", json::object{{"name", name}, {"system_prompt", "You are a friend."}})
                      .status,
                  201);
    SwitchedDisk& disk = served.world().disk();
    const auto say = [&](const std::string& agent, const std::string& text) {
        return client
            .post("/agents/" + agent + "/messages", json::object{{"content", text}, {"max_tokens", 8}})
            .status;
    };
    for (const char* request : {"POST save", "POST evict", "POST fork", "POST rollback", "PATCH",
                                "POST verify", "GET export", "DELETE"}) {
        const std::string what = request;
        const std::string method = what.substr(0, what.find(' '));
        const std::string path =
            method == what ? "/agents/ada" : "/agents/ada/" + what.substr(method.size() + 1);
        const json::object body = what == "POST fork"       ? json::object{{"name", "bob"}}
                                  : what == "POST rollback" ? json::object{{"to", 1}}
                                  : what == "PATCH"         ? json::object{{"title", "a friend"}}
                                                            : json::object{};
        disk.hold_writes();
        ASSERT_EQ(say("ada", "before " + what), 200) << what;
        EXPECT_EQ(client.get("/agents/ada").json().at("state"), "saving") << what;
        std::atomic<int> status = 0;
        std::thread asking([&] {
            status =
                client.request(method, path, json::serialize(body), {{"content-type", "application/json"}})
                    .status;
        });
        std::atomic<bool> others_went_on = false;
        std::thread watch([&] {  // else an engine thread that waits would wait for ever
            for (int i = 0; i < 500 && !others_went_on; ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            disk.let_writes_go();
        });
        EXPECT_EQ(say("eve", "hello"), 200) << what;
        EXPECT_EQ(status, 0) << what << " did not wait";
        others_went_on = true;
        watch.join();
        asking.join();
        EXPECT_EQ(status / 100, 2) << what << ": " << status;
    }
    EXPECT_EQ(client.get("/agents/ada").status, 404);
}

TEST(Events, TellWhatHappensToAgents) {
    ServedWorld served;
    std::string seen;
    std::thread listener([&] {
        const HttpAnswer answer = served.client().get("/events");
        seen = answer.body;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const HttpClient client = served.client();
    client.post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    client.post("/agents/ada/messages", json::object{{"content", "hello"}});
    EXPECT_EQ(client.post("/agents/ada/evict", {}).status, 200) << "with its KV being saved, maybe";
    EXPECT_EQ(client.post("/agents/ada/load", {}).status, 200);
    EXPECT_EQ(client.request("DELETE", "/agents/ada", "", {}).status, 200);
    served.drain();
    listener.join();
    std::size_t at = 0;
    for (const char* event : {"created", "answered", "saved", "evicted", "restored", "removed"}) {
        at = seen.find("event: " + std::string(event), at);
        ASSERT_NE(at, std::string::npos) << event << " in " << seen;
    }
}

TEST(Metrics, AreInPrometheusFormAndAddUp) {
    ServedWorld served;
    served.client().post("/v1/chat/completions", chat_of({said_json("user", "hello")}));
    const HttpAnswer metrics = served.client().get("/metrics");
    EXPECT_THAT(metrics.headers.at("content-type"), HasSubstr("text/plain"));
    EXPECT_THAT(metrics.body,
                HasSubstr("# TYPE kvasir_turns_total counter\nkvasir_turns_total{model=\"fake\"} 1\n"));
    EXPECT_THAT(metrics.body, HasSubstr("kvasir_turns_active{model=\"fake\"} 0\n"));
    EXPECT_EQ(metrics.body.find("anonymous"), std::string::npos) << "no agent's name in labels";
}

TEST(OpenApi, HasEveryRoute) {
    ServedWorld served;
    const json::value document = served.client().get("/openapi.json").json();
    EXPECT_EQ(document.at("openapi"), "3.1.0");
    std::set<std::string> ids;
    for (const Route& route : routes()) {
        std::string method = route.method;
        for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const json::value& operation = document.at("paths").at(route.pattern).at(method);
        EXPECT_TRUE(ids.insert(std::string(operation.at("operationId").as_string())).second);
    }
    const json::value& chat = document.at("paths").at("/v1/chat/completions").at("post").at("requestBody");
    EXPECT_EQ(chat.at_pointer("/content/application~1json/schema/properties/temperature/maximum"), 2.0);
    EXPECT_THAT(served.client().get("/docs").body, HasSubstr("/v1/chat/completions"));
}

TEST(Docs, AllowNoScriptAndNoFrame) {
    ServedWorld served;
    const HttpAnswer page = served.client().get("/docs");
    EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr("default-src 'none'"));
    EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr("frame-ancestors 'none'"));
    EXPECT_EQ(page.headers.at("x-content-type-options"), "nosniff");
}

TEST(Health, AnswersAndReadinessEndsWithTheDrain) {
    ServedWorld served;
    EXPECT_EQ(served.client().get("/health").status, 200);
    EXPECT_EQ(served.client().get("/ready").status, 200);
    EXPECT_EQ(served.client().request("HEAD", "/health", "", {}).status, 200);
}

HttpRequest request_with(const HttpHeaders& headers) {
    HttpRequest request;
    request.headers = headers;
    return request;
}

TEST(Speaker, TheFirstThatIsPresentWins) {
    SessionHints hints;
    hints.prompt_cache_key = "cache-key";
    const HttpRequest everything = request_with({{"x-kvasir-agent", "header"}, {"x-session-id", "session"}});
    EXPECT_EQ(find_speaker(everything, "path", "body", hints)->agent, "path");
    EXPECT_EQ(find_speaker(everything, "", "body", hints)->agent, "header");
    EXPECT_EQ(find_speaker(request_with({{"x-session-id", "session"}}), "", "body", hints)->agent, "body");
    EXPECT_EQ(find_speaker(request_with({{"x-session-id", "session"}}), "", {}, hints)->agent, "session");
    EXPECT_EQ(find_speaker(request_with({}), "", {}, hints)->agent, "cache-key");
    EXPECT_EQ(find_speaker(request_with({}), "", {}, {})->agent, kAnonymousAgent);
    const HttpRequest subagent =
        request_with({{"x-claude-code-session-id", "s1"}, {"x-claude-code-agent-id", "a2"}});
    EXPECT_EQ(find_speaker(subagent, "", {}, {})->agent, "s1.a2");
    EXPECT_EQ(find_speaker(request_with({{"x-kvasir-agent", "../x"}}), "", {}, {}).error().code,
              ErrorCode::kInvalidArgument);
    const std::string long_id(200, 'x');
    EXPECT_TRUE(agent_of_session(long_id).starts_with("session-"));
    EXPECT_NE(agent_of_session(long_id), agent_of_session(long_id + "y"));
}

}  // namespace
}  // namespace kvasir::test
