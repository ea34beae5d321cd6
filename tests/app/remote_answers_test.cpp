// What the server tells is read back as it was, in whatever pieces it comes; anything else is an error.
#include "app/remote_answers.h"

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "app/event_reader.h"
#include "app/server_json.h"
#include "server/memory_json.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

// Through text, as it travels.
json::value travelled(const json::value& value) { return json::parse(json::serialize(value)); }

template <class Value, class Read>
void expect_round_trip(const Value& value, Read read) {
    const json::value sent = to_json(value);
    const auto got = read(travelled(sent));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(travelled(to_json(*got)), travelled(sent));
    for (const auto& field : sent.as_object()) {
        json::object broken = sent.as_object();
        broken.erase(field.key());
        EXPECT_FALSE(read(travelled(broken))) << "without " << field.key();
        broken = sent.as_object();
        broken[field.key()] = json::array{};
        EXPECT_FALSE(read(travelled(broken))) << "an array as " << field.key();
    }
}

AgentInfo some_agent() {
    return {"ada",
            "helper",
            "You are \"Ä\".",
            AgentState::kSaving,
            7,
            6,
            2,
            1'795'464'402'224,
            5,
            1ULL << 40,
            99,
            "Kvasir demo",
            "A title",
            MadeBy::kSession,
            Pinned::kYes,
            "boss",
            8192,
            WhenFull::kDropOldestTurns};
}

TEST(RemoteAnswers, AreReadBackAsTheyWere) {
    expect_round_trip(some_agent(), agent_of_json);
    CreateResult created{some_agent(), 1, 2, 3.5, 4.5, {}};
    created.save.save_ms = 5.5;
    created.save.warning = "w";
    expect_round_trip(created, created_of_json);
    expect_round_trip(ForkResult{some_agent(), "ada", 3}, forked_of_json);
    expect_round_trip(RollbackResult{some_agent(), 2, 70}, rolled_back_of_json);
    expect_round_trip(EraseReceipt{"ada", 1, 2, 3, 4, 5, 6}, receipt_of_json);
    expect_round_trip(SaveResult{Durability::kTokensOnly, "full", 1, 2, 0, 0, 4, 5, false, 6.5},
                      saved_of_json);
    expect_round_trip(LoadResult{1, 2, ReuseSource::kMemoryFork, "w", 3.5, 4.5}, loaded_of_json);
}

TEST(RemoteAnswers, EveryStateHasItsName) {
    AgentInfo agent = some_agent();
    for (int i = 0; i <= static_cast<int>(AgentState::kDamaged); ++i) {
        agent.state = static_cast<AgentState>(i);
        const auto got = agent_of_json(travelled(to_json(agent)));
        ASSERT_TRUE(got);
        EXPECT_EQ(got->state, agent.state);
    }
    json::value foreign = to_json(agent);
    foreign.at("state") = "asleep";
    EXPECT_FALSE(agent_of_json(foreign));
}

TEST(RemoteAnswers, ErrorsKeepTheirCodes) {
    for (int i = 0; i <= static_cast<int>(ErrorCode::kUnavailable); ++i) {
        const auto code = static_cast<ErrorCode>(i);
        const std::string body = json::serialize(
            json::object{{"error", json::object{{"code", to_string(code)}, {"message", "so it is"}}}});
        const Error error = error_of_response(500, body);
        EXPECT_EQ(error.code, code);
        EXPECT_EQ(error.message, "so it is");
    }
    const char* full = R"({"error":{"code":"context_length_exceeded","message":"m"}})";
    EXPECT_EQ(error_of_response(400, full).code, ErrorCode::kContextFull);
    EXPECT_EQ(error_of_response(429, R"({"error":{"code":"http_429","message":"m"}})").code,
              ErrorCode::kUnavailable);
    EXPECT_EQ(error_of_response(400, R"({"error":{"code":"invalid_value","message":"m"}})").code,
              ErrorCode::kInvalidArgument);
    for (const char* foreign : {"", "<html>", "[]", "{}", R"({"error":"x"})", R"({"error":{"code":1}})"})
        EXPECT_EQ(error_of_response(502, foreign).code, ErrorCode::kUnavailable) << foreign;
}

std::vector<std::string> read_events(const std::string& text, std::size_t piece) {
    std::vector<std::string> events;
    EventReader reader(1000, [&](const ServerEvent& event) -> Status {
        events.push_back(event.name + "=" + event.data);
        return {};
    });
    for (std::size_t i = 0; i < text.size(); i += piece)
        EXPECT_TRUE(reader.push(std::string_view(text).substr(i, piece)));
    return events;
}

TEST(EventReader, CutsAnywhere) {
    const std::string text =
        ": keep-alive\n\nevent: piece\ndata: {\"a\":1}\n\nevent:b\r\ndata:x\r\ndata: y\r\n\r\ndata: alone\n\n"
        "event: no data\n\ndata: no end";
    const std::vector<std::string> whole = {"piece={\"a\":1}", "b=x\ny", "=alone"};
    for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(read_events(text, piece), whole);
}

TEST(EventReader, HasALimit) {
    int events = 0;
    EventReader reader(100, [&](const ServerEvent&) -> Status {
        ++events;
        return {};
    });
    EXPECT_TRUE(reader.push("data: " + std::string(80, 'x') + "\n\n"));
    EXPECT_EQ(events, 1);
    Status pushed;
    for (int i = 0; i < 10 && pushed; ++i) pushed = reader.push("data: " + std::string(20, 'x') + "\n");
    ASSERT_FALSE(pushed);
    EXPECT_EQ(pushed.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace kvasir::test
