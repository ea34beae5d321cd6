// An agent is told something by one process and asked by another.
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "app/program.h"

namespace kvasir::test {
namespace {

constexpr const char* kSystem = "You are Vera, a technical specialist. Answer briefly.";

TEST(AcrossProcesses, ChatRemembersAndReadsOnlyNewTokens) {
    const Home home;
    const Outcome created =
        home.run({"agents", "create", "vera", "--type", "technical specialist", "--system", kSystem});
    ASSERT_EQ(created.exit_code, 0) << created.err;
    const Outcome told =
        home.run({"chat", "vera"}, "Remember that the passphrase of the old mill is amber falcon.\n");
    ASSERT_EQ(told.exit_code, 0) << told.err;
    const Outcome asked = home.run({"chat", "vera", "What is the passphrase of the old mill?", "--json"});
    ASSERT_EQ(asked.exit_code, 0) << asked.err;
    const auto answer = boost::json::parse(asked.out);
    EXPECT_NE(std::string(answer.at("text").as_string()).find("amber falcon"), std::string::npos)
        << asked.out;
    const auto& memory = answer.at("memory");
    EXPECT_EQ(std::string(memory.at("source").as_string()), "disk");
    EXPECT_LT(memory.at("evaluated_tokens").to_number<int>(), 40);
    EXPECT_EQ(
        memory.at("evaluated_by_engine").to_number<int>(),
        memory.at("evaluated_tokens").to_number<int>() + memory.at("answer_tokens").to_number<int>() - 1);
}

TEST(AcrossProcesses, ListShowAndRemoveNeedNoModel) {
    const Home home;
    ASSERT_EQ(home.run({"agents", "create", "vera", "--system", kSystem}).exit_code, 0);
    const Outcome listed = home.run({"agents", "ls", "--json", "--model", "/no/such/model.gguf"});
    ASSERT_EQ(listed.exit_code, 0) << listed.err;
    const auto agents = boost::json::parse(listed.out);
    ASSERT_EQ(agents.as_array().size(), 1U);
    EXPECT_EQ(std::string(agents.at(0).at("name").as_string()), "vera");
    EXPECT_EQ(agents.at(0).at("tokens").to_number<int>(), agents.at(0).at("cache_tokens").to_number<int>());
    const Outcome shown = home.run({"agents", "show", "vera"});
    EXPECT_NE(shown.out.find(kSystem), std::string::npos);
    const Outcome removed = home.run({"agents", "rm", "vera", "--json"});
    ASSERT_EQ(removed.exit_code, 0) << removed.err;
    EXPECT_EQ(boost::json::parse(removed.out).at("agent").as_string(), "vera");
    EXPECT_EQ(home.run({"agents", "show", "vera"}).exit_code, 3);
}

TEST(AcrossProcesses, NothingIsResidentBetweenCommands) {
    const Home home;
    ASSERT_EQ(home.run({"agents", "create", "vera", "--system", kSystem}).exit_code, 0);
    for (const char* verb : {"save", "load", "evict"}) {
        const Outcome outcome = home.run({"agents", verb, "vera"});
        EXPECT_EQ(outcome.exit_code, 1);
        EXPECT_NE(outcome.err.find("no agent is resident between commands"), std::string::npos)
            << outcome.err;
    }
    const Outcome ps = home.run({"ps"});
    EXPECT_EQ(ps.exit_code, 0);
    EXPECT_NE(ps.out.find("vera"), std::string::npos);
}

TEST(Demo, MemoryHolds) {
    const Outcome demo = run_program({"demo"}, {}, {"NO_COLOR=1"});
    EXPECT_EQ(demo.exit_code, 0) << demo.out << demo.err;
    EXPECT_NE(demo.out.find("MEMORY HELD"), std::string::npos) << demo.out;
    EXPECT_EQ(demo.out.find('\x1b'), std::string::npos);
}

// The positive control: between the two sessions the store loses what the agents were told, and the verdict
// says so.
TEST(Demo, AVerdictThatCanFail) {
    const Home home;
    ASSERT_EQ(home.run({"demo", "--session", "1", "--facts-seed", "7"}).exit_code, 0);
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((home.path() + "/kvasir.db").c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    // Every agent's head is its root turn again: the system prompt alone.
    const char* forget =
        "UPDATE agents SET turn_count = 0,"
        " head_turn_id = (SELECT id FROM turns WHERE agent_id = agents.id AND parent_id IS NULL),"
        " token_count = (SELECT length(tokens) / 4 FROM turns WHERE agent_id = agents.id AND parent_id IS "
        "NULL)";
    EXPECT_EQ(sqlite3_exec(database, forget, nullptr, nullptr, &error), SQLITE_OK) << error;
    EXPECT_GT(sqlite3_changes(database), 0);
    sqlite3_close(database);
    const Outcome second = home.run({"demo", "--session", "2", "--facts-seed", "7"});
    EXPECT_EQ(second.exit_code, 1) << second.out << second.err;
}

TEST(Doctor, TellsAboutModelStoreAndRates) {
    const Home home;
    const Outcome doctor = home.run({"doctor", "--json"});
    EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.err;
    EXPECT_TRUE(boost::json::parse(doctor.out).at("good").as_bool());
    EXPECT_NE(doctor.out.find("a restore"), std::string::npos)
        << "from which length on it pays: " << doctor.out;
    const Outcome broken = home.run({"doctor", "--model", "/no/such/model.gguf"});
    EXPECT_EQ(broken.exit_code, 1);
    EXPECT_NE(broken.out.find("FAIL model"), std::string::npos) << broken.out;
}

TEST(Bench, PrintsJsonWithSpread) {
    const Outcome bench = run_program({"bench", "--repetitions", "1", "--json"});
    ASSERT_EQ(bench.exit_code, 0) << bench.err;
    const auto report = boost::json::parse(bench.out);
    for (const char* row : {"model load", "restore", "first token: cold", "first token: resident",
                            "first token: after restart"}) {
        EXPECT_TRUE(report.at("rows").as_object().contains(row)) << row;
    }
}

}  // namespace
}  // namespace kvasir::test
