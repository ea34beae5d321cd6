// fsck, gc and backup, on a store of their own and through the server that holds it.
#include <csignal>
#include <filesystem>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "app/program.h"
#include "app/serving.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

json::value json_of(const Outcome& outcome) {
    boost::system::error_code error;
    json::value value = json::parse(outcome.out, error);
    EXPECT_FALSE(error) << outcome.out << outcome.err;
    return value;
}

std::string first_block(const std::string& home) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home + "/blocks"))
        if (entry.is_regular_file()) return entry.path().string();
    return {};
}

void tell(const Home& home) {
    ASSERT_EQ(home.run({"chat", "vera", "Remember that the owner of the archive is Nora.", "--create",
                        "--system", "You are Vera, a technical specialist. Answer briefly."})
                  .exit_code,
              0);
}

void expect_remembers(const std::string& store) {
    const Outcome asked = run_program({"chat", "vera", "What is the owner of the archive?", "--home", store});
    EXPECT_EQ(asked.exit_code, 0) << asked.err;
    EXPECT_NE(asked.out.find("Nora"), std::string::npos) << asked.out;
}

// The same three commands, whoever holds the store.
void check_damage_and_back_up(const Home& home) {
    EXPECT_EQ(home.run({"fsck"}).exit_code, 0);
    const std::string block = first_block(home.path());
    ASSERT_NE(block, "");
    std::filesystem::resize_file(block, 200);
    const Outcome found = home.run({"fsck", "--json"});
    EXPECT_EQ(found.exit_code, 1);
    EXPECT_EQ(json_of(found).at("damaged").to_number<int>(), 1) << found.out;
    const Outcome told = home.run({"fsck"});
    EXPECT_NE(told.out.find("bytes instead of"), std::string::npos) << told.out;
    EXPECT_NE(told.err.find("fsck --repair"), std::string::npos) << told.err;
    const Outcome repaired = home.run({"fsck", "--repair", "--json"});
    EXPECT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
    EXPECT_EQ(json_of(repaired).at("quarantined").to_number<int>(), 1);
    EXPECT_EQ(home.run({"fsck"}).exit_code, 0);

    const Outcome collected = home.run({"gc", "--json"});
    EXPECT_EQ(collected.exit_code, 0) << collected.err;
    EXPECT_EQ(json_of(collected).at("quarantined_removed").to_number<int>(), 1) << collected.out;

    const std::string target = home.path() + "-backup";
    const Outcome backed_up = home.run({"backup", target});
    EXPECT_EQ(backed_up.exit_code, 0) << backed_up.err;
    EXPECT_NE(backed_up.out.find("backed up 1 agents"), std::string::npos) << backed_up.out;
    expect_one_sentence(home.run({"backup", target}), 1, "is there already");
    expect_remembers(target);
    std::filesystem::remove_all(target);
}

TEST(StoreCommands, OnAStoreThatNobodyHolds) {
    const Home home;
    tell(home);
    check_damage_and_back_up(home);
    expect_remembers(home.path());
    const Outcome freed = home.run({"gc", "--free", "1GB"});
    EXPECT_NE(freed.out.find("1 agents will read some of their past again"), std::string::npos) << freed.out;
    EXPECT_EQ(first_block(home.path()), "");
    expect_remembers(home.path());
}

TEST(StoreCommands, ThroughTheServer) {
    const Home home;
    Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    tell(home);
    check_damage_and_back_up(home);
    const Outcome asked = home.run({"chat", "vera", "What is the owner of the archive?"});
    EXPECT_NE(asked.out.find("Nora"), std::string::npos) << asked.out << asked.err;
    EXPECT_EQ(server.end(SIGTERM), 0);
    EXPECT_EQ(home.run({"fsck"}).exit_code, 0) << "what was removed under a resident agent was written again";
}

TEST(StoreCommands, BadInputGetsOneSentence) {
    const Home home;
    EXPECT_EQ(home.run({"backup"}).exit_code, 2);
    EXPECT_EQ(home.run({"gc", "--free", "lots"}).exit_code, 2);
    expect_one_sentence(home.run({"backup", "/proc/kvasir"}), 1, "/proc/kvasir");
}

}  // namespace
}  // namespace kvasir::test
