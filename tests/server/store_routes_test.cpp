// The store over HTTP: how it is, who may change it, a disk that fails in the middle of a stream.
#include <gmock/gmock.h>

#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

std::string text_of(const json::value& value) { return std::string(value.as_string()); }

// Until the store is looked at again.
bool comes_to(const ServedWorld& served, const std::string& state) {
    for (int i = 0; i < 200; ++i) {
        if (text_of(served.client().get("/health").json().at("store")) == state) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
}

TEST(StoreRoutes, TellHowItIs) {
    ServedWorld served;
    const json::value store = served.client().get("/store").json();
    EXPECT_EQ(text_of(store.at("state")), "ok");
    EXPECT_GT(store.at("disk").at("budget_bytes").to_number<std::uint64_t>(), 0u);
    EXPECT_TRUE(comes_to(served, "ok"));
    const std::string metrics = served.client().get("/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("\nkvasir_store_degraded 0\n"));
    EXPECT_THAT(metrics, HasSubstr("\nkvasir_store_quarantined_files 0\n"));
    EXPECT_THAT(metrics, HasSubstr("\nkvasir_store_rebuilds_total 0\n"));
}

TEST(StoreRoutes, AreReconciledAfterTheServerIsReady) {
    ServedWorld served;
    for (int i = 0; i < 200 && !served.client().get("/health").json().at("reconciled").as_bool(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(served.client().get("/health").json().at("reconciled").as_bool());
}

TEST(StoreRoutes, ThatChangeItAreTheOwnersOnly) {
    ServedWorld served;
    for (const char* path : {"/store/fsck", "/store/gc", "/store/backup"}) {
        const auto refused = served.client().post(path, json::object{{"directory", "/tmp/kvasir-not-made"}});
        EXPECT_EQ(refused.status, 403) << path;
        EXPECT_THAT(refused.body, HasSubstr("the user who runs the server"));
    }
}

TEST(StoreRoutes, AFullDiskIsToldAndServiceReturns) {
    ServedWorld served;
    const json::object message{{"content", "hello"}, {"max_tokens", 4}};
    served.client().post("/agents", json::object{{"name", "ada"}});
    served.world().disk().free = 100;
    EXPECT_EQ(served.client().post("/agents/ada/messages", message).status, 200) << "on the reserve";
    const auto refused = served.client().post("/agents/ada/messages", message);
    EXPECT_EQ(refused.status, 507) << refused.body;
    EXPECT_EQ(refused.headers.at("x-should-retry"), "false");
    EXPECT_TRUE(comes_to(served, "full"));
    EXPECT_EQ(text_of(served.client().get("/health").json().at("status")), "degraded");
    served.world().disk().free = 100'000'000'000;
    EXPECT_TRUE(comes_to(served, "ok"));
    EXPECT_EQ(served.client().post("/agents/ada/messages", message).status, 200);
}

}  // namespace
}  // namespace kvasir::test
