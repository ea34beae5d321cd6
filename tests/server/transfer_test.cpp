// Agents as files over HTTP: what is handed out comes back, piece by piece, while others speak.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "http/unix_client.h"
#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

const HeaderList kBytes = {{"content-type", "application/octet-stream"}};

// With an owner's socket, in a folder of its own.
class TransferRoutes : public testing::Test {
  protected:
    TransferRoutes() {
        folder_ = testing::TempDir() + "kvasir-transfer-XXXXXX";
        if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no temporary directory");
        ServedOptions options;
        options.http.owner_path = folder_ + "/owner";
        served_ = std::make_unique<ServedWorld>(options);
        served_->client().post("/agents", json::object{{"name", "ada"}, {"system_prompt", words(400)}});
        say("ada");
    }
    ~TransferRoutes() override {
        served_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    HttpAnswer say(const std::string& agent) {
        return served_->client().post("/agents/" + agent + "/messages",
                                      json::object{{"content", "hello " + words(50)}, {"max_tokens", 8}});
    }
    Result<ClientResponse> ask_as_owner(const std::string& target, const json::object& body) {
        ClientRequest request;
        request.method = "POST";
        request.target = target;
        request.body = json::serialize(body);
        return ask_unix_socket(folder_ + "/owner", request);
    }

    std::string folder_;
    std::unique_ptr<ServedWorld> served_;
};

TEST_F(TransferRoutes, WhatIsHandedOutComesBack) {
    const HttpAnswer file = served_->client().get("/agents/ada/export");
    ASSERT_EQ(file.status, 200) << file.body;
    EXPECT_EQ(file.headers.at("content-type"), "application/octet-stream");
    EXPECT_THAT(file.headers.at("content-disposition"), HasSubstr("ada.safetensors"));
    EXPECT_EQ(file.headers.at("x-kvasir-file-bytes"), std::to_string(file.body.size()));
    served_->client().request("DELETE", "/agents/ada", "", {});
    const auto dry = served_->client().request("POST", "/agents/bob/import?dry_run=true", file.body, kBytes);
    ASSERT_EQ(dry.status, 200) << dry.body;
    EXPECT_TRUE(dry.json().at("dry_run").as_bool());
    EXPECT_EQ(served_->client().get("/agents/bob").status, 404);
    const auto made = served_->client().request("POST", "/agents/bob/import", file.body, kBytes);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.json().at("kv_refused").as_string(), "");
    EXPECT_EQ(made.json().at("tokens_to_read").to_number<int>(), 0);
    const auto said = say("bob");
    EXPECT_EQ(said.status, 200) << said.body;
    EXPECT_GT(said.json().at("memory").at("reused_tokens").to_number<int>(), 400);
    EXPECT_EQ(served_->client().request("POST", "/agents/bob/import", file.body, kBytes).status, 409);
}

TEST_F(TransferRoutes, WhatIsNoFileIsRefusedWithASentence) {
    EXPECT_EQ(served_->client().get("/agents/nobody/export").status, 404);
    for (const std::string& body : {std::string(), std::string("x"), std::string(5000, '\0')}) {
        const auto refused = served_->client().request("POST", "/agents/bob/import", body, kBytes);
        EXPECT_EQ(refused.status, 400) << refused.body;
    }
    const auto file = served_->client().get("/agents/ada/export");
    const auto badly_named = served_->client().request("POST", "/agents/..bob/import", file.body, kBytes);
    EXPECT_EQ(badly_named.status, 400);
}

TEST_F(TransferRoutes, FilesAndTrustAreTheOwners) {
    const auto file = served_->client().get("/agents/ada/export");
    const std::string path = folder_ + "/ada.safetensors";
    std::ofstream(path, std::ios::binary) << file.body;
    const auto client = served_->client();
    EXPECT_EQ(
        client
            .post("/agents/bob/import", json::object{{"file", path}}, {{"content-type", "application/json"}})
            .status,
        403);
    EXPECT_EQ(client.request("POST", "/agents/bob/import?trust_kv=true", file.body, kBytes).status, 403);
    EXPECT_EQ(client.get("/agents/bob").status, 404);
    const auto made = ask_as_owner("/agents/bob/import", {{"file", path}, {"trust_kv", true}});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->status, 201) << made->body;
    const auto relative = ask_as_owner("/agents/carl/import", {{"file", "ada.safetensors"}});
    EXPECT_EQ(relative->status, 400);
    const auto missing = ask_as_owner("/agents/carl/import", {{"file", path + ".none"}});
    EXPECT_EQ(missing->status, 404);
}

TEST_F(TransferRoutes, AClientThatGoesAwayLeavesNoExportBehind) {
    served_->client().hang_up(
        "/agents/ada/messages", json::object{{"content", "x"}}, [](const std::string&) { return true; }, 1);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(served_->client().request("HEAD", "/agents/ada/export", "", {}).status, 200);
    EXPECT_EQ(say("ada").status, 200);
    EXPECT_EQ(served_->client().request("DELETE", "/agents/ada", "", {}).status, 200);
}

}  // namespace
}  // namespace kvasir::test
