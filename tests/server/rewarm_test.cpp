// POST /rewarm: agents are read again in the background, while others are answered.
#include <gmock/gmock.h>

#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

json::value await_end(const ServedWorld& served) {
    for (int i = 0; i < 500; ++i) {
        const json::value status = served.client().get("/rewarm").json();
        if (!status.at("running").as_bool()) return status;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "it does not end";
    return {};
}

int reused_by(const ServedWorld& served, const std::string& agent) {
    const auto said = served.client().post("/agents/" + agent + "/messages",
                                           json::object{{"content", "hello"}, {"max_tokens", 4}});
    EXPECT_EQ(said.status, 200) << said.body;
    return said.json().at("memory").at("reused_tokens").to_number<int>();
}

TEST(RewarmRoutes, ReadEverybodyAgainInTheBackground) {
    ServedOptions options;
    options.places = 2;
    options.step_ms = 3;  // it lasts until it is asked for again
    ServedWorld served(options);
    for (const char* name : {"ada", "bob", "carl"}) {
        served.client().post("/agents", json::object{{"name", name}, {"system_prompt", words(300)}});
        reused_by(served, name);
    }
    json::value status = served.client().post("/rewarm", json::object{}).json();
    status = await_end(served);
    EXPECT_EQ(status.at("agents").to_number<int>(), 0) << "all of it is good";
    FakeEngineOptions other = plain_engine();
    other.sequences = 2;
    other.kv_type = "q8_0";
    served.restart(other);
    const auto begun = served.client().post("/rewarm", json::object{});
    EXPECT_EQ(begun.status, 202) << begun.body;
    EXPECT_EQ(served.client().post("/rewarm", json::object{}).status, 202) << "it goes on";
    status = await_end(served);
    EXPECT_EQ(status.at("failed").to_number<int>(), 0) << json::serialize(status);
    EXPECT_GE(status.at("agents").to_number<int>(), 1);
    EXPECT_GT(status.at("tokens_read").to_number<int>(), 300);
    for (const char* name : {"ada", "bob", "carl"}) EXPECT_GT(reused_by(served, name), 300) << name;
    served.drain();
}

}  // namespace
}  // namespace kvasir::test
