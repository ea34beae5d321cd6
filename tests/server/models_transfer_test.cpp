// Agents as files on a server of several models: each goes to the model that its tokens belong to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sched/models_world.h"
#include "server/served_models.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const HeaderList kBytes = {{"content-type", "application/octet-stream"}};

HttpAnswer import_as(const ServedModels& served, const std::string& target, const std::string& file) {
    return served.client().request("POST", "/agents/" + target, file, kBytes);
}

// An agent of that model, with a turn, as a file.
std::string file_of(const ServedModels& served, const std::string& agent, const std::string& model) {
    const HttpClient client = served.client();
    EXPECT_EQ(client
                  .post("/agents", json::object{{"name", agent},
                                                {"model", model},
                                                {"system_prompt", "You are " + agent + ". " + words(400)}})
                  .status,
              201);
    const json::object message{{"content", "hello"}, {"max_tokens", 8}};
    EXPECT_EQ(client.post("/agents/" + agent + "/messages", message).status, 200);
    const HttpAnswer file = client.get("/agents/" + agent + "/export");
    EXPECT_EQ(file.status, 200) << file.body;
    return file.body;
}

// Memory for one model or for all; the model is loaded, or was, or never.
class ImportingModels : public testing::TestWithParam<bool> {
  protected:
    static ModelsWorldOptions options() {
        ModelsWorldOptions options;
        options.families = {"plain", "windowed", "hybrid"};
        if (GetParam()) options.memory_bytes = kModelBytes + kModelBytes / 2;
        return options;
    }
};
INSTANTIATE_TEST_SUITE_P(Memory, ImportingModels, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "for_one" : "for_all"; });

TEST_P(ImportingModels, EachFileFindsItsModel) {
    ServedModels served(options());
    const std::vector<std::string> models = {"plain", "windowed", "hybrid"};
    std::map<std::string, std::string> files;
    for (const std::string& model : models) files[model] = file_of(served, "of-" + model, model);
    for (const std::string& model : models) {
        const HttpAnswer dry = import_as(served, "dry-" + model + "/import?dry_run=true", files[model]);
        EXPECT_EQ(dry.status, 200) << dry.body;
        EXPECT_EQ(served.client().get("/agents/dry-" + model).status, 404);
        const HttpAnswer made = import_as(served, "copy-" + model + "/import", files[model]);
        ASSERT_EQ(made.status, 201) << made.body;
        EXPECT_EQ(made.json().at("kv_refused"), "") << model;
        EXPECT_EQ(made.json().at("tokens_to_read").to_number<int>(), 0) << model;
        const json::value shown = served.client().get("/agents/copy-" + model).json();
        EXPECT_EQ(shown.at("model"), json::value("fake-" + model));
        const json::object message{{"content", "and on"}, {"max_tokens", 8}};
        const HttpAnswer copy = served.client().post("/agents/copy-" + model + "/messages", message);
        const HttpAnswer first = served.client().post("/agents/of-" + model + "/messages", message);
        ASSERT_EQ(copy.status, 200) << copy.body;
        EXPECT_EQ(copy.json().at("content"), first.json().at("content")) << model;
    }
}

TEST_P(ImportingModels, AModelThatWasNeverLoadedIsLoadedForIt) {
    std::string file;
    {
        ServedModels elsewhere(options());
        file = file_of(elsewhere, "ada", "hybrid");
    }
    ServedModels served(options());
    const HttpAnswer made = import_as(served, "ada/import", file);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_THAT(std::string(made.json().at("kv_refused").as_string()),
                HasSubstr("not written by this store"));
    EXPECT_EQ(served.client().get("/agents/ada").json().at("model"), "fake-hybrid");
    EXPECT_EQ(served.world.model(2).loads, 1U);
}

TEST_P(ImportingModels, AFileOfNoneOfThemIsRefusedByName) {
    std::string file;
    {
        ModelsWorldOptions other;
        other.families = {"recurrent", "chunked"};
        ServedModels elsewhere(other);
        file = file_of(elsewhere, "ada", "chunked");
    }
    ServedModels served(options());
    const HttpAnswer refused = import_as(served, "ada/import", file);
    EXPECT_EQ(refused.status, 409) << refused.body;
    EXPECT_THAT(refused.body, HasSubstr("fake-chunked"));
    EXPECT_THAT(refused.body, HasSubstr("none of this server's"));
    EXPECT_EQ(served.client().get("/agents/ada").status, 404);
    EXPECT_EQ(import_as(served, "ada/import", "no file").status, 400);
}

TEST_P(ImportingModels, ANamedModelIsTakenAtItsWord) {
    ServedModels served(options());
    const std::string file = file_of(served, "ada", "windowed");
    const HttpAnswer wrong = import_as(served, "bob/import?model=plain", file);
    EXPECT_EQ(wrong.status, 409) << wrong.body;
    EXPECT_THAT(wrong.body, HasSubstr("fake-windowed"));
    EXPECT_EQ(import_as(served, "bob/import?model=gpt-5", file).status, 404);
    EXPECT_EQ(served.client().get("/agents/bob").status, 404);
    EXPECT_EQ(import_as(served, "bob/import?model=alias-1", file).status, 201);
}

}  // namespace
}  // namespace kvasir::test
