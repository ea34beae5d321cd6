// Names, titles and pins over HTTP, agents that sessions make, and when those go.
#include <atomic>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/served_world.h"
#include "server/speaker.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const char* const kChat = "/v1/chat/completions";

HttpAnswer patch(const HttpClient& client, const std::string& path, const json::value& body) {
    return client.request("PATCH", path, json::serialize(body), {{"content-type", "application/json"}});
}

// An answer may be told before its KV is saved; until then some things are a conflict.
HttpAnswer when_idle(const std::function<HttpAnswer()>& ask) {
    HttpAnswer answer = ask();
    for (int i = 0; i < 1000 && answer.status == 409; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        answer = ask();
    }
    return answer;
}

bool becomes_true(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return condition();
}

TEST(AgentUpkeep, NamesTitlesAndPinsAreChanged) {
    ServedWorld served;
    const HttpClient client = served.client();
    client.post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    client.post("/agents/ada/messages", json::object{{"content", "hello"}, {"max_tokens", 8}});
    const HttpAnswer titled =
        patch(client, "/agents/ada", json::object{{"title", "The first"}, {"type", "helper"}});
    ASSERT_EQ(titled.status, 200) << titled.body;
    EXPECT_EQ(titled.json().at("title"), "The first");
    EXPECT_EQ(titled.json().at("type"), "helper");
    EXPECT_EQ(titled.json().at("pinned"), false);
    EXPECT_EQ(client.request("POST", "/agents/ada/pin", "", {}).json().at("pinned"), true);
    EXPECT_EQ(client.get("/agents/ada").json().at("pinned"), true);
    EXPECT_EQ(client.post("/agents/ada/pin", json::object{{"pinned", false}}).json().at("pinned"), false);
    EXPECT_EQ(client.post("/agents/ada/pin", json::object{}).json().at("pinned"), true);
    const HttpAnswer renamed = when_idle([&] {
        return patch(client, "/agents/ada", json::object{{"name", "eve"}});
    });
    ASSERT_EQ(renamed.status, 200) << renamed.body;
    EXPECT_EQ(renamed.json().at("name"), "eve");
    EXPECT_EQ(client.get("/agents/ada").status, 404);
    served.restart();
    const json::value after = served.client().get("/agents/eve").json();
    EXPECT_EQ(after.at("pinned"), true);
    EXPECT_EQ(after.at("title"), "The first");
    EXPECT_EQ(after.at("turns").to_number<int>(), 1);
}

TEST(AgentUpkeep, WhatCannotBeChangedIsToldByName) {
    ServedWorld served;
    const HttpClient client = served.client();
    for (const char* name : {"ada", "eve"}) client.post("/agents", json::object{{"name", name}});
    const auto refused = [&](const json::value& body) { return patch(client, "/agents/ada", body); };
    EXPECT_EQ(refused(json::object{}).status, 400);
    EXPECT_EQ(refused(json::object{{"name", "../x"}}).status, 400);
    EXPECT_EQ(refused(json::object{{"pinned", "yes"}}).status, 400);
    EXPECT_EQ(refused(json::object{{"title", std::string(500, 'x')}}).status, 400);
    EXPECT_EQ(refused(json::object{{"name", "eve"}}).status, 409);
    const HttpAnswer prompt = refused(json::object{{"system_prompt", "You are Bob."}});
    EXPECT_EQ(prompt.status, 400);
    EXPECT_THAT(prompt.body, HasSubstr("create another agent"));
    EXPECT_EQ(patch(client, "/agents/nobody", json::object{{"title", "x"}}).status, 404);
    EXPECT_EQ(client.post("/agents/nobody/pin", json::object{}).status, 404);
    EXPECT_EQ(client.post("/agents/ada/pin", json::object{{"pinned", 1}}).status, 400);
    EXPECT_EQ(client.request("POST", "/agents/ada/pin", "[", {}).status, 400);
    EXPECT_EQ(client.get("/agents/ada").json().at("pinned"), false);
}

TEST(AgentUpkeep, TheCacheTellsWhatTheLastTurnsFound) {
    ServedWorld served;
    const HttpClient client = served.client();
    client.post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    const json::object message{{"content", "hello"}, {"max_tokens", 4}};
    json::array told;
    for (int i = 0; i < 20; ++i) {
        if (i == 18) when_idle([&] { return client.post("/agents/ada/evict", json::object{}); });
        const json::value turn = client.post("/agents/ada/messages", message).json();
        if (i >= 4) told.push_back(turn.at("memory").at("reused_tokens"));
    }
    const json::value history = client.get("/agents/ada/cache").json().at("history");
    ASSERT_EQ(history.as_array().size(), 16U);
    for (std::size_t i = 0; i < 16; ++i) {
        EXPECT_EQ(history.at(i).at("turn").to_number<std::size_t>(), i + 5);
        EXPECT_EQ(history.at(i).at("reused_tokens"), told[i]);
        EXPECT_EQ(history.at(i).at("source"), i == 14 ? "disk" : "resident");
    }
    when_idle([&] { return patch(client, "/agents/ada", json::object{{"name", "eve"}}); });
    EXPECT_EQ(client.get("/agents/eve/cache").json().at("history"), history);
    client.request("DELETE", "/agents/eve", "", {});
    client.post("/agents", json::object{{"name", "eve"}});
    EXPECT_EQ(client.get("/agents/eve/cache").json().at("history").as_array().size(), 0U);
}

TEST(Sessions, MakeAgentsWithATitleAndAParent) {
    ServedWorld served;
    const HttpClient client = served.client();
    const json::object body = chat_of({said_json("user", "Fix the build")}, 4);
    client.post(kChat, body, {{"x-claude-code-session-id", "s1"}});
    client.post(kChat, body, {{"x-claude-code-session-id", "s1"}, {"x-claude-code-agent-id", "a2"}});
    client.post(kChat, body, {{"x-opencode-session-id", "s3"}, {"x-parent-session-id", "s1"}});
    client.post(kChat, body, {{"X-Kvasir-Agent", "mine"}});
    const json::value main = client.get("/agents/s1").json();
    EXPECT_EQ(main.at("made_by"), "session");
    EXPECT_EQ(main.at("title"), "Fix the build");
    EXPECT_EQ(main.at("parent"), "");
    EXPECT_EQ(client.get("/agents/s1.a2").json().at("parent"), "s1");
    EXPECT_EQ(client.get("/agents/s3").json().at("parent"), "s1");
    EXPECT_EQ(client.get("/agents/mine").json().at("made_by"), "user");
}

TEST(Sessions, AreKnownByTheHeadersOfManyClients) {
    const auto agent_of = [](const HttpHeaders& headers) {
        HttpRequest request;
        request.headers = headers;
        return find_speaker(request, "", {}, {})->agent;
    };
    for (const char* name :
         {"x-session-id", "session-id", "thread-id", "x-session-affinity", "x-openwebui-chat-id",
          "x-opencode-session-id", "x-litellm-session-id", "x-dynamo-session-id", "x-any-session-id"}) {
        EXPECT_EQ(agent_of({{name, "s1"}}), "s1") << name;
    }
    EXPECT_EQ(agent_of({{"x-parent-session-id", "s1"}}), kAnonymousAgent) << "that is another's";
    EXPECT_EQ(agent_of({{"x-dynamo-parent-session-id", "s1"}}), kAnonymousAgent);
    EXPECT_EQ(agent_of({{"x-session-id", ""}}), kAnonymousAgent);
}

// The world's agents were used in 2023; the server looks at the clock on the wall.
ServedOptions that_expire(std::chrono::milliseconds unused_max) {
    ServedOptions options;
    options.session_expiry.unused_max = unused_max;
    options.session_expiry.every = std::chrono::milliseconds(10);
    return options;
}

void make_some_agents(const HttpClient& client) {
    const json::object body = chat_of({said_json("user", "hello")}, 4);
    client.post("/agents", json::object{{"name", "ada"}});
    client.post(kChat, body, {{"X-Kvasir-Agent", "named"}});
}

TEST(Sessions, GoWhenNobodyHasUsedThemForLong) {
    ServedWorld served(that_expire(std::chrono::hours(24)));
    const HttpClient client = served.client();
    make_some_agents(client);
    for (const char* session : {"s1", "s2", "s3"})
        client.post(kChat, chat_of({said_json("user", "hello")}, 4), {{"x-session-id", session}});
    EXPECT_TRUE(becomes_true([&] {
        const json::value agents = client.get("/agents").json();
        std::vector<std::string> sessions;
        for (const json::value& agent : agents.at("agents").as_array()) {
            const std::string name(agent.at("name").as_string());
            if (name.starts_with("s")) sessions.push_back(name);
        }
        return sessions.empty();
    }));
    for (const char* name : {"ada", "named"})
        EXPECT_EQ(client.get(std::string("/agents/") + name).status, 200);
}

TEST(Sessions, ControlWithoutExpiryTheyStay) {
    ServedWorld served(that_expire(std::chrono::milliseconds(0)));
    const HttpClient client = served.client();
    client.post(kChat, chat_of({said_json("user", "hello")}, 4), {{"x-session-id", "s1"}});
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_EQ(client.get("/agents/s1").status, 200);
}

// The time on the wall may be set while the server runs: for the first look after that nothing expires.
class SetClock final : public Clock {
  public:
    std::int64_t unix_ms() const override { return system_clock().unix_ms() + ahead_ms.load(); }
    std::int64_t monotonic_us() const override { return system_clock().monotonic_us(); }
    std::atomic<std::int64_t> ahead_ms{0};
};

TEST(Sessions, AClockThatIsSetAheadRemovesNobodyAtOnce) {
    constexpr std::int64_t kYearMs = 365LL * 24 * 3600 * 1000;
    World world([] {
        WorldOptions options;
        options.engine = plain_engine();
        return options;
    }());
    SetClock clock;
    const auto scheduler = Scheduler::start({}, world.memory(), world.engine(), clock);
    const SessionExpiry expiry({std::chrono::hours(24), std::chrono::milliseconds(150)}, *scheduler, clock);
    clock.ahead_ms.store(kYearMs);
    std::this_thread::sleep_for(std::chrono::milliseconds(220));
    EXPECT_EQ(expiry.looks(), 0U) << "that look was put off";
    EXPECT_TRUE(becomes_true([&] { return expiry.looks() > 0; })) << "but not the next";
}

}  // namespace
}  // namespace kvasir::test
