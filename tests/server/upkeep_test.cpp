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
    const HttpAnswer renamed = patch(client, "/agents/ada", json::object{{"name", "eve"}});
    ASSERT_EQ(renamed.status, 200) << renamed.body;
    EXPECT_EQ(renamed.json().at("name"), "eve");
    EXPECT_EQ(client.get("/agents/ada").status, 404);
    served.restart();
    const json::value after = served.client().get("/agents/eve").json();
    EXPECT_EQ(after.at("pinned"), true);
    EXPECT_EQ(after.at("title"), "The first");
    EXPECT_EQ(after.at("turns").to_number<int>(), 1);
}

TEST(AgentUpkeep, WhatAFullContextMeansIsSetAndKept) {
    ServedOptions small;
    small.context_tokens = 512;
    ServedWorld served(small);
    served.client().post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    EXPECT_EQ(served.client().get("/agents/ada").json().at("when_full"), "refuse");
    const json::object message{{"content", std::string(120, 'x')}, {"max_tokens", 8}};
    const auto say_until = [&](int status) {
        for (int i = 0; i < 20; ++i) {
            if (served.client().post("/agents/ada/messages", message).status == status) return true;
        }
        return false;
    };
    EXPECT_TRUE(say_until(400)) << "refused when it is full";
    const HttpAnswer set = patch(served.client(), "/agents/ada",
                                 json::object{{"when_full", "drop_oldest_turns"}, {"title", "Full"}});
    ASSERT_EQ(set.status, 200) << set.body;
    EXPECT_EQ(set.json().at("when_full"), "drop_oldest_turns");
    EXPECT_EQ(set.json().at("title"), "Full") << "beside other changes";
    served.restart();
    const HttpAnswer goes_on = served.client().post("/agents/ada/messages", message);
    ASSERT_EQ(goes_on.status, 200) << goes_on.body;
    EXPECT_EQ(goes_on.headers.at("x-kvasir-not-reused"), "oldest_turns_dropped");
    EXPECT_EQ(patch(served.client(), "/agents/ada", json::object{{"when_full", "refuse"}}).status, 200);
    EXPECT_TRUE(say_until(400)) << "and it can be taken back";
    for (const json::value& wrong :
         {json::value("shrug"), json::value(""), json::value(1), json::value(true)}) {
        const HttpAnswer refused = patch(served.client(), "/agents/ada", json::object{{"when_full", wrong}});
        EXPECT_EQ(refused.status, 400) << json::serialize(wrong);
        EXPECT_THAT(refused.body, HasSubstr("when_full"));
    }
    EXPECT_EQ(served.client().get("/agents/ada").json().at("when_full"), "refuse");
    EXPECT_EQ(patch(served.client(), "/agents/nobody", json::object{{"when_full", "refuse"}}).status, 404);
}

TEST(AgentUpkeep, WhatIsReadAheadOfAFullContextIsTold) {
    ServedOptions small;
    small.context_tokens = 512;
    ServedWorld served(small);
    const HttpClient client = served.client();
    client.post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    patch(client, "/agents/ada", json::object{{"when_full", "drop_oldest_turns"}});
    const auto told = [&](const char* metric) {
        const std::string text = client.get("/metrics").body;
        const std::size_t at = text.find("\n" + std::string(metric) + "{");
        return at == std::string::npos ? -1.0 : std::stod(text.substr(text.find("} ", at) + 2));
    };
    EXPECT_EQ(told("kvasir_read_aheads_total"), 0);
    int dropped = 0;
    for (int i = 0; i < 12; ++i) {
        const HttpAnswer turn = client.post(
            "/agents/ada/messages", json::object{{"content", std::string(60, 'x')}, {"max_tokens", 8}});
        ASSERT_EQ(turn.status, 200) << turn.body;
        const auto reason = turn.headers.find("x-kvasir-not-reused");
        if (reason != turn.headers.end() && reason->second == "oldest_turns_dropped") {
            ++dropped;
            EXPECT_LT(turn.json().at("memory").at("evaluated_tokens").to_number<int>(), 120);
        }
        const auto is_saved = [&] {  // from then on it is known what is to be read
            const json::value state = client.get("/agents/ada").json().at("state");
            return state == "ready" || state == "prefilled";
        };
        ASSERT_TRUE(becomes_true(is_saved));
        ASSERT_TRUE(becomes_true([&] { return told("kvasir_read_aheads_waiting") == 0; }));
    }
    EXPECT_GT(dropped, 0);
    EXPECT_GE(told("kvasir_read_aheads_total"), dropped);
    EXPECT_GT(told("kvasir_read_ahead_tokens_total"), 100 * dropped);
    EXPECT_EQ(client.get("/agents/ada").json().at("turns").to_number<int>(), 12);
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
        if (i == 18) client.post("/agents/ada/evict", json::object{});
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
    patch(client, "/agents/ada", json::object{{"name", "eve"}});
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
