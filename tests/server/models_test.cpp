// Several models over HTTP: their names, who is not there, and what is told of each.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sched/models_world.h"
#include "server/served_models.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

ModelsWorldOptions for_one() {
    ModelsWorldOptions options;
    options.memory_bytes = kModelBytes + kModelBytes / 2;
    return options;
}

TEST(ServedModels, AreListedWithTheirStates) {
    ServedModels served;
    ASSERT_TRUE(served.world.wait_for(0, ModelState::kLoaded));
    const json::value list = served.client().get("/v1/models").json();
    ASSERT_EQ(list.at("data").as_array().size(), 2U);
    EXPECT_EQ(list.at_pointer("/data/0/id"), "plain");
    EXPECT_EQ(list.at_pointer("/data/0/state"), "loaded");
    EXPECT_EQ(list.at_pointer("/data/1/id"), "windowed");
    EXPECT_EQ(list.at_pointer("/data/1/state"), "unloaded");
    EXPECT_EQ(list.at_pointer("/data/1/aliases/0"), "alias-1");
    EXPECT_EQ(served.client().get("/v1/models/alias-1").json().at("state"), "unloaded");
    const HttpAnswer nobody = served.client().get("/v1/models/gpt-5");
    EXPECT_EQ(nobody.status, 404);
    EXPECT_EQ(nobody.json().at_pointer("/error/code"), "model_not_found");
    EXPECT_EQ(served.client().get("/v1/models", {{"anthropic-version", "2023-06-01"}}).json().at("has_more"),
              false);
}

TEST(ServedModels, AnswerByNameAndByAlias) {
    ServedModels served;
    for (const char* model : {"plain", "windowed", "alias-0", "alias-1"}) {
        const HttpAnswer answer = served.chat(model, "hello");
        ASSERT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.json().at("model"), model);
    }
    // What is told of a model is from the end of a round, and an answer is before it.
    for (int i = 0; i < 400 && served.world.model(1).stats.turns_done < 2; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(served.world.model(1).stats.turns_done, 2U);
    // Nobody is named in these: the first.
    EXPECT_EQ(served.chat("plain", "x").headers.at("x-kvasir-agent"), "anonymous");
    EXPECT_THAT(served.chat("windowed", "x").headers.at("x-kvasir-agent"), HasSubstr("anonymous."));
}

TEST(ServedModels, AnUnknownNameIsToldInEachProtocol) {
    ServedModels served;
    const HttpAnswer openai = served.chat("gpt-5", "hello");
    EXPECT_EQ(openai.status, 404);
    EXPECT_EQ(openai.json().at_pointer("/error/code"), "model_not_found");
    const json::object body = chat_of({said_json("user", "hello")}, 8);
    const HttpAnswer anthropic = served.client().post("/v1/messages", body);
    EXPECT_EQ(anthropic.status, 404);
    EXPECT_EQ(anthropic.json().at_pointer("/error/type"), "not_found_error");
    EXPECT_EQ(served.client().post("/v1/messages/count_tokens", body).status, 404);
    EXPECT_EQ(served.client().post("/v1/responses", json::object{{"model", "gpt-5"}, {"input", "x"}}).status,
              404);
    EXPECT_EQ(served.client().post("/agents", json::object{{"name", "ada"}, {"model", "gpt-5"}}).status, 404);
}

// With one model any name means it: clients send what they were made for.
TEST(ServedModels, ASingleOneTakesAnyName) {
    ModelsWorldOptions options;
    options.families = {"plain"};
    ServedModels served(options);
    EXPECT_EQ(served.chat("gpt-5", "hello").status, 200);
    EXPECT_EQ(served.client().get("/v1/models/gpt-5").status, 200);
}

TEST(ServedModels, OneThatCannotBeLoadedIsToComeAgainFor) {
    ServedModels served(for_one());
    served.world.refuse_to_check(1, {ErrorCode::kModelUnusable, "the file is truncated"});
    EXPECT_EQ(served.chat("plain", "hello").status, 200);
    for (int i = 0; i < 3; ++i) {
        const HttpAnswer refused = served.chat("windowed", "hello");
        EXPECT_EQ(refused.status, 503) << refused.body;
        EXPECT_TRUE(refused.headers.contains("retry-after"));
        EXPECT_EQ(served.chat("plain", "hello").status, 200);
    }
    const json::value health = served.client().get("/health").json();
    EXPECT_EQ(health.at_pointer("/models/0/state"), "loaded");
    EXPECT_EQ(health.at_pointer("/models/1/state"), "unloaded");
    EXPECT_THAT(std::string(health.at_pointer("/models/1/error").as_string()), HasSubstr("truncated"));
    const std::string metrics = served.client().get("/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("kvasir_model_loaded{model=\"plain\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("kvasir_model_loaded{model=\"windowed\"} 0\n"));
    EXPECT_THAT(metrics, HasSubstr("kvasir_model_loads_total{model=\"plain\"} 1\n"));
    EXPECT_THAT(metrics, testing::Not(HasSubstr("kvasir_weights_bytes{model=\"windowed\"}")));
}

TEST(ServedModels, AgentsStayWithTheirModel) {
    ServedModels served(for_one());
    const HttpClient client = served.client();
    ASSERT_EQ(client.post("/agents", json::object{{"name", "bob"}, {"model", "windowed"}}).status, 201);
    ASSERT_EQ(client.post("/agents", json::object{{"name", "ada"}}).status, 201);
    EXPECT_EQ(client.get("/agents/bob").json().at("model"), "fake-windowed");
    EXPECT_EQ(client.get("/agents/ada").json().at("model"), "fake-plain");
    const json::object message{{"content", "hello"}, {"max_tokens", 8}};
    for (int i = 0; i < 2; ++i) {
        for (const char* agent : {"ada", "bob"}) {
            const HttpAnswer answer = client.post("/agents/" + std::string(agent) + "/messages", message);
            EXPECT_EQ(answer.status, 200) << answer.body;
        }
    }
    EXPECT_EQ(client.get("/agents").json().at("agents").as_array().size(), 2U);
    EXPECT_EQ(client.get("/agents/ada/turns").json().at("turns").as_array().size(), 2U);
    EXPECT_EQ(client.get("/agents/ada/why").json().at("requests").as_array().size(), 2U)
        << "what was told of requests outlives the model";
    // Of one whose model is not loaded.
    EXPECT_EQ(client.post("/agents/ada/fork", json::object{{"name", "eve"}}).status, 201);
    EXPECT_EQ(client.request("PATCH", "/agents/ada", R"({"name":"ann"})", {}).status, 200);
    EXPECT_EQ(client.post("/agents/ann/rollback", json::object{{"to", 1}}).status, 200);
    EXPECT_EQ(client.get("/agents/ann/cache").status, 200);
    EXPECT_EQ(client.post("/agents/ann/verify", {}).json().at("good"), true);
    EXPECT_EQ(client.request("DELETE", "/agents/bob", "", {}).status, 200);
    EXPECT_EQ(client.post("/agents/eve/messages", message).status, 200);
}

}  // namespace
}  // namespace kvasir::test
