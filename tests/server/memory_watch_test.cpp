// What the server does when the system runs out of memory.
#include "server/memory_watch.h"

#include <atomic>

#include <gtest/gtest.h>

#include "server/served_world.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kWanted = 1'000'000;

struct Watched {
    explicit Watched(int step_ms = 0) {
        ServedOptions options;
        options.step_ms = step_ms;
        options.memory_watch.available_bytes_min = kWanted;
        options.memory_watch.every = std::chrono::milliseconds(5);
        options.memory_watch.available = [this] { return available.load(); };
        served = std::make_unique<ServedWorld>(options);
        client().post("/agents", json::object{{"name", "ada"}, {"system_prompt", "You are Ada."}});
    }
    HttpClient client() const { return served->client(); }
    std::string memory() const { return client().get("/health").json().at("memory").as_string().c_str(); }
    std::int64_t pool_bytes() const {
        return client().get("/memory").json().at("kv_pool_bytes").to_number<std::int64_t>();
    }
    HttpAnswer say(int tokens = 8) const {
        return client().post("/agents/ada/messages",
                             json::object{{"content", "hello"}, {"max_tokens", tokens}});
    }
    template <class Is>
    bool becomes(Is is) const {
        for (int i = 0; i < 2000; ++i) {
            if (is()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return false;
    }

    std::atomic<std::uint64_t> available{2 * kWanted};
    std::unique_ptr<ServedWorld> served;
};

TEST(MemoryWatch, GivesMemoryBackWhenItIsLowAndTakesItAgainForATurn) {
    Watched watched;
    EXPECT_EQ(watched.say().status, 200);
    EXPECT_EQ(watched.memory(), "ok");
    EXPECT_GT(watched.pool_bytes(), 0);
    watched.available = kWanted - 1;
    EXPECT_TRUE(watched.becomes([&] { return watched.memory() == "low"; }));
    EXPECT_TRUE(watched.becomes([&] { return watched.pool_bytes() == 0; }));
    EXPECT_TRUE(watched.client().get("/agents").json().at("agents").as_array()[0].at("state") == "stored");
    const HttpAnswer said = watched.say();
    EXPECT_EQ(said.status, 200) << said.body;
    EXPECT_GT(watched.pool_bytes(), 0) << "not given back again at once";
    const std::string metrics = watched.client().get("/metrics").body;
    EXPECT_NE(metrics.find("kvasir_memory_rests_total{model=\"fake\"} 1\n"), std::string::npos) << metrics;
    EXPECT_NE(metrics.find("kvasir_memory_low{model=\"fake\"} 1\n"), std::string::npos);
    watched.available = kWanted + 1;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(watched.memory(), "low") << "it ends a quarter above";
    watched.available = 2 * kWanted;
    EXPECT_TRUE(watched.becomes([&] { return watched.memory() == "ok"; }));
}

TEST(MemoryWatch, NobodyIsInterrupted) {
    Watched watched(10);
    std::thread talk([&] {
        const HttpAnswer said = watched.say(40);
        EXPECT_EQ(said.status, 200) << said.body;
    });
    while (watched.served->scheduler().stats().turns_active == 0) std::this_thread::yield();
    watched.available = kWanted / 2;
    talk.join();
    EXPECT_TRUE(watched.becomes([&] { return watched.pool_bytes() == 0; }));
}

TEST(MemoryWatch, ControlWithEnoughNothingIsGivenBack) {
    Watched watched;
    EXPECT_EQ(watched.say().status, 200);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_GT(watched.pool_bytes(), 0);
}

}  // namespace
}  // namespace kvasir::test
