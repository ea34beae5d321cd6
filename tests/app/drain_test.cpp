// SIGTERM while an answer is being given: it may end within --drain-timeout, else it is cut off; what was
// said is durable, its KV saved, and the server ends with 0.
#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <thread>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "app/program.h"
#include "app/serving.h"
#include "server/http_client.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

constexpr int kNoEnd = 7900;  // tokens; some seconds of the small model

// Talks until it is stopped.
std::vector<std::string> babbler(const std::string& drain_timeout_s) {
    return {"--model",
            KVASIR_TEST_MODELS_DIR "/llama-dense.gguf",
            "--ctx-size",
            "8000",
            "-t",
            "1",
            "--drain-timeout",
            drain_timeout_s};
}

json::object conversation(int tokens_max) {
    const json::array messages{json::object{{"role", "user"}, {"content", "hello"}}};
    return {{"model", "any"}, {"messages", messages}, {"max_tokens", tokens_max}, {"temperature", 0}};
}

bool is_answering(const HttpClient& client) {
    for (int i = 0; i < 3000; ++i) {
        const std::string metrics = client.get("/metrics").body;
        const std::size_t line = metrics.find("\nkvasir_turns_active{");
        const std::size_t end = metrics.find('\n', line + 1);
        if (line != std::string::npos && metrics.substr(0, end).ends_with(" 1")) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

json::value shown(const Home& home) {
    return json::parse(home.run({"agents", "show", "babbler", "--json"}).out);
}

TEST(Drain, AnAnswerThatIsNotOverInTimeIsCutOffAndKept) {
    const Home home;
    Serving server(home.path(), babbler("0"));
    ASSERT_TRUE(server.serves()) << server.err();
    const HttpClient client(server.port());
    auto talking = std::async(std::launch::async, [&] {
        json::object body = conversation(kNoEnd);
        body["stream"] = true;
        body["stream_options"] = {{"include_usage", true}};
        return client.post("/agents/babbler/v1/chat/completions", body);
    });
    ASSERT_TRUE(is_answering(client));
    EXPECT_EQ(server.end(SIGTERM), 0) << server.err();
    const HttpAnswer answer = talking.get();
    ASSERT_NE(answer.body.find("data: [DONE]"), std::string::npos) << answer.body;
    const json::array events = answer.events();
    EXPECT_LT(events.back().at("usage").at("completion_tokens").to_number<int>(), kNoEnd);
    EXPECT_EQ(events.at(events.size() - 2).at("choices").at(0).at("finish_reason"), "length")
        << "not as if it had been whole";
    EXPECT_EQ(shown(home).at("turns").to_number<int>(), 1);
    EXPECT_GT(shown(home).at("cache_tokens").to_number<int>(), 0);
}

TEST(Drain, AnAnswerThatIsOverInTimeIsWhole) {
    constexpr int kTokens = 400;
    const Home home;
    Serving server(home.path(), babbler("120"));
    ASSERT_TRUE(server.serves()) << server.err();
    const HttpClient client(server.port());
    auto talking = std::async(std::launch::async, [&] {
        return client.post("/agents/babbler/v1/chat/completions", conversation(kTokens));
    });
    ASSERT_TRUE(is_answering(client));
    EXPECT_EQ(server.end(SIGTERM), 0) << server.err();
    const HttpAnswer answer = talking.get();
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json().at("usage").at("completion_tokens").to_number<int>(), kTokens);
    EXPECT_EQ(shown(home).at("turns").to_number<int>(), 1);
}

}  // namespace
}  // namespace kvasir::test
