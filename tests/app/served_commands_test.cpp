// The command line on a store that a running server holds: the same commands, through the server.
#include <csignal>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "app/on_terminal.h"
#include "app/program.h"
#include "app/serving.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

constexpr const char* kSystem = "You are Vera, a technical specialist. Answer briefly.";
constexpr const char* kTold = "Remember that the owner of the archive is Nora.";
constexpr const char* kAsked = "What is the owner of the archive?";

json::value json_of(const Outcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err << outcome.out;
    boost::system::error_code error;
    json::value value = json::parse(outcome.out, error);
    EXPECT_FALSE(error) << outcome.out;
    return value;
}

std::string source_of(const json::value& turn) {
    return std::string(turn.at("memory").at("source").as_string());
}

TEST(ServedCommands, LookCreateTalkAndRemove) {
    const Home home;
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    EXPECT_NE(home.run({"agents", "ls"}).out.find("no agents yet"), std::string::npos);
    const json::value created = json_of(
        home.run({"agents", "create", "vera", "--type", "specialist", "--system", kSystem, "--json"}));
    EXPECT_EQ(created.at("agent").at("name"), "vera");
    EXPECT_GT(created.at("evaluated_tokens").to_number<int>(), 0);
    const Outcome told = home.run({"chat", "vera"}, std::string(kTold) + "\n");  // from a pipe
    EXPECT_EQ(told.exit_code, 0) << told.err;
    EXPECT_NE(told.out.find("Nora"), std::string::npos) << told.out;
    const json::value asked = json_of(home.run({"chat", "vera", kAsked, "--json"}));
    EXPECT_NE(std::string(asked.at("text").as_string()).find("Nora"), std::string::npos);
    EXPECT_EQ(asked.at("turn").to_number<int>(), 2);
    EXPECT_TRUE(asked.at("kv_durable").as_bool());
    // Nothing but a server can have it resident: see the control below.
    EXPECT_EQ(source_of(asked), "resident");
    const json::value shown = json_of(home.run({"agents", "show", "vera", "--json"}));
    EXPECT_EQ(shown.at("turns").to_number<int>(), 2);
    EXPECT_EQ(shown.at("state"), "ready");
    EXPECT_NE(home.run({"agents", "show", "vera"}).out.find("in memory"), std::string::npos);
    const json::value removed = json_of(home.run({"agents", "rm", "vera", "--json"}));
    EXPECT_EQ(removed.at("turns_removed").to_number<int>(), 2);
    EXPECT_EQ(json_of(home.run({"agents", "ls", "--json"})).as_array().size(), 0U);
}

TEST(ServedCommands, ControlWithoutAServerNothingIsResident) {
    const Home home;
    ASSERT_EQ(home.run({"chat", "vera", kTold, "--create", "--system", kSystem}).exit_code, 0);
    EXPECT_EQ(source_of(json_of(home.run({"chat", "vera", kAsked, "--json"}))), "disk");
    const Outcome ps = home.run({"ps"});
    EXPECT_NE(ps.err.find("no server runs"), std::string::npos) << ps.err;
    expect_one_sentence(home.run({"agents", "evict", "vera"}), 1, "no server runs");
}

TEST(ServedCommands, PsSaveEvictAndLoadAreAboutResidentAgents) {
    const Home home;
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    const Outcome nobody = home.run({"ps"});
    EXPECT_NE(nobody.out.find("no agent is resident"), std::string::npos) << nobody.out;
    ASSERT_EQ(home.run({"chat", "vera", kTold, "--create", "--system", kSystem}).exit_code, 0);
    const Outcome ps = home.run({"ps"});
    EXPECT_NE(ps.out.find("KV IN MEMORY"), std::string::npos) << ps.out;
    EXPECT_NE(ps.out.find("vera"), std::string::npos) << ps.out;
    EXPECT_EQ(ps.err, "");
    const json::value before = json_of(home.run({"ps", "--json"}));
    ASSERT_EQ(before.as_array().size(), 1U);
    EXPECT_GT(before.at(0).at("kv_memory_bytes").to_number<int>(), 0);
    EXPECT_TRUE(json_of(home.run({"agents", "save", "vera", "--json"})).at("kv_durable").as_bool());
    const Outcome evicted = home.run({"agents", "evict", "vera"});
    EXPECT_EQ(evicted.exit_code, 0) << evicted.err;
    EXPECT_NE(evicted.out.find("evicted vera:"), std::string::npos) << evicted.out;
    EXPECT_EQ(json_of(home.run({"ps", "--json"})).as_array().size(), 0U);
    EXPECT_EQ(json_of(home.run({"agents", "show", "vera", "--json"})).at("state"), "stored");
    const json::value loaded = json_of(home.run({"agents", "load", "vera", "--json"}));
    EXPECT_EQ(loaded.at("source"), "disk");
    EXPECT_GT(loaded.at("restored_tokens").to_number<int>(), 0);
    EXPECT_EQ(json_of(home.run({"ps", "--json"})).as_array().size(), 1U);
}

// With and without a server: a fork knows what was said before it, and goes its own way.
void fork_and_go_back(const Home& home) {
    ASSERT_EQ(home.run({"chat", "vera", kTold, "--create", "--system", kSystem}).exit_code, 0);
    ASSERT_EQ(home.run({"chat", "vera", "Remember that the owner of the archive is Tomas."}).exit_code, 0);
    const json::value forked = json_of(home.run({"agents", "fork", "vera", "nils", "--at", "1", "--json"}));
    EXPECT_EQ(forked.at("agent").at("name"), "nils");
    EXPECT_EQ(forked.at("turn").to_number<int>(), 1);
    const Outcome early = home.run({"chat", "nils", kAsked});
    EXPECT_NE(early.out.find("Nora"), std::string::npos) << early.out;
    const Outcome late = home.run({"chat", "vera", kAsked});
    EXPECT_NE(late.out.find("Tomas"), std::string::npos) << late.out;
    const Outcome back = home.run({"agents", "rollback", "vera", "--to", "1"});
    EXPECT_EQ(back.exit_code, 0) << back.err;
    EXPECT_NE(back.out.find("vera is at turn 1 again"), std::string::npos) << back.out;
    const Outcome asked = home.run({"chat", "vera", kAsked});
    EXPECT_NE(asked.out.find("Nora"), std::string::npos) << asked.out;
    expect_one_sentence(home.run({"agents", "fork", "vera", "nils"}), 1, "exists already");
    expect_one_sentence(home.run({"agents", "fork", "nobody", "x"}), 3, "no agent 'nobody'");
    expect_one_sentence(home.run({"agents", "rollback", "vera", "--to", "7"}), 3, "has no turn 7");
    EXPECT_EQ(home.run({"agents", "rollback", "vera"}).exit_code, 2);
}

TEST(ServedCommands, ForksAndWaysBackGoThroughTheServer) {
    const Home home;
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    fork_and_go_back(home);
}

TEST(ServedCommands, ForksAndWaysBackNeedNoServer) {
    const Home home;
    fork_and_go_back(home);
}

// With and without a server.
void rename_and_pin(const Home& home) {
    ASSERT_EQ(home.run({"chat", "vera", kTold, "--create", "--system", kSystem}).exit_code, 0);
    EXPECT_EQ(home.run({"agents", "rename", "vera", "nora"}).out, "vera is called nora now\n");
    const Outcome pinned = home.run({"agents", "pin", "nora"});
    EXPECT_EQ(pinned.out, "nora is pinned: it leaves memory last, and never expires\n") << pinned.err;
    EXPECT_NE(home.run({"agents", "show", "nora"}).out.find("  pinned        yes\n"), std::string::npos);
    EXPECT_TRUE(json_of(home.run({"agents", "show", "nora", "--json"})).at("pinned").as_bool());
    EXPECT_NE(home.run({"chat", "nora", kAsked}).out.find("Nora"), std::string::npos);
    EXPECT_FALSE(json_of(home.run({"agents", "unpin", "nora", "--json"})).at("pinned").as_bool());
    expect_one_sentence(home.run({"agents", "pin", "vera"}), 3, "no agent 'vera'");
    expect_one_sentence(home.run({"agents", "rename", "nora", "../x"}), 2, "no agent name");
    EXPECT_EQ(home.run({"agents", "rename", "nora"}).exit_code, 2);
}

// With and without a server.
void set_when_full(const Home& home) {
    ASSERT_EQ(home.run({"agents", "create", "vera", "--system", kSystem}).exit_code, 0);
    const auto set = [&] {
        return std::string(
            json_of(home.run({"agents", "show", "vera", "--json"})).at("when_full").as_string());
    };
    EXPECT_EQ(set(), "refuse");
    const Outcome drops = home.run({"agents", "when-full", "vera", "drop_oldest_turns"});
    EXPECT_EQ(drops.exit_code, 0) << drops.err;
    EXPECT_NE(drops.out.find("its oldest turns are left out, and it says so"), std::string::npos)
        << drops.out;
    EXPECT_EQ(set(), "drop_oldest_turns");
    EXPECT_NE(home.run({"agents", "show", "vera"}).out.find("  when full     drops its oldest turns\n"),
              std::string::npos);
    EXPECT_EQ(json_of(home.run({"agents", "when-full", "vera", "refuse", "--json"})).at("when_full"),
              "refuse");
    EXPECT_EQ(home.run({"agents", "when-full", "vera", "shrug"}).exit_code, 2);
    EXPECT_EQ(home.run({"agents", "when-full", "vera"}).exit_code, 2);
    EXPECT_EQ(set(), "refuse");
    expect_one_sentence(home.run({"agents", "when-full", "nobody", "refuse"}), 3, "no agent 'nobody'");
}

TEST(ServedCommands, WhatAFullContextMeansIsSetThroughTheServer) {
    const Home home;
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    set_when_full(home);
}

TEST(ServedCommands, WhatAFullContextMeansIsSetWithoutAServer) {
    const Home home;
    set_when_full(home);
}

TEST(ServedCommands, NamesAndPinsGoThroughTheServer) {
    const Home home;
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    rename_and_pin(home);
}

TEST(ServedCommands, NamesAndPinsNeedNoServer) {
    const Home home;
    rename_and_pin(home);
}

TEST(ServedCommands, ListingsAndReceiptsAreTheSameAsWithoutAServer) {
    const Home home;
    ASSERT_EQ(home.run({"chat", "vera", kTold, "--create", "--system", kSystem}).exit_code, 0);
    const std::vector<std::vector<std::string>> looks = {
        {"agents", "ls"}, {"agents", "ls", "--json"}, {"agents", "show", "vera"}};
    std::vector<std::string> alone;
    for (const auto& look : looks) alone.push_back(home.run(look).out);
    Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    for (std::size_t i = 0; i < looks.size(); ++i) {
        const Outcome served = home.run(looks[i]);
        EXPECT_EQ(served.out, alone[i]);
        EXPECT_EQ(served.err, "");
    }
}

TEST(ServedCommands, WhatIsWrongHasTheSameCodeAndTheSameWords) {
    const Home home;
    ASSERT_EQ(home.run({"agents", "create", "vera", "--system", kSystem}).exit_code, 0);
    const std::vector<std::vector<std::string>> wrong = {{"chat", "nobody", "hello"},
                                                         {"agents", "show", "nobody"},
                                                         {"agents", "show", "../x"},
                                                         {"agents", "rm", "a/b?c#d"},
                                                         {"agents", "create", "vera", "--system", "x"},
                                                         {"agents", "create", "../x", "--system", "x"},
                                                         {"agents", "create", "bob", "--system", "\xff\xfe"},
                                                         {"chat", "vera", std::string(60'000, 'x')}};
    std::vector<Outcome> alone;
    for (const auto& command : wrong) alone.push_back(home.run(command));
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        const Outcome served = home.run(wrong[i]);
        EXPECT_NE(alone[i].exit_code, 0) << i;
        expect_one_sentence(served, alone[i].exit_code, "");
        if (i < 6) {
            EXPECT_EQ(served.err, alone[i].err) << i;
        }
    }
    const json::value error = json::parse(home.run({"agents", "show", "nobody", "--json"}).out);
    EXPECT_EQ(error.at("error").at("code"), "not_found");
}

TEST(ServedCommands, LengthTemperatureAndSeedAreTheCommands) {
    const Home home;
    const std::vector<std::string> model = {"--model", KVASIR_TEST_MODELS_DIR "/llama-dense.gguf", "-t", "1"};
    const auto say = [&](const std::string& name, const std::string& seed) {
        std::vector<std::string> arguments = {"chat", name,     "hello",  "--create", "--system",
                                              "x",    "--json", "--temp", "1.5",      "--seed",
                                              seed,   "-n",     "24"};
        arguments.insert(arguments.end(), model.begin(), model.end());
        return json_of(home.run(arguments));
    };
    const json::value alone = say("a", "7");
    const Serving server(home.path(), model);
    ASSERT_TRUE(server.serves()) << server.err();
    EXPECT_EQ(say("b", "7").at("text"), alone.at("text"));
    EXPECT_EQ(say("c", "7").at("finish_reason"), alone.at("finish_reason"));
    EXPECT_NE(say("d", "8").at("text"), alone.at("text")) << "the seed must matter, or this shows nothing";
}

TEST(ServedCommands, AConversationOnATerminal) {
    const Home home;
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    OnTerminal chat({"chat", "vera", "--create", "--system", kSystem, "--home", home.path()});
    ASSERT_TRUE(chat.shows("vera remembers 0 turns")) << chat.shown();
    chat.type(std::string(kTold) + "\n");
    ASSERT_TRUE(chat.shows("Nora.\r\n")) << chat.shown();  // the echo
    ASSERT_TRUE(chat.shows("Nora")) << chat.shown();       // the answer
    chat.type("/evict\n");
    ASSERT_TRUE(chat.shows("evicted:")) << chat.shown();
    chat.type("/agents\n");
    ASSERT_TRUE(chat.shows("stored")) << chat.shown();
    chat.type("/load\n");
    ASSERT_TRUE(chat.shows("(disk)")) << chat.shown();
    chat.type("/memory\n");
    ASSERT_TRUE(chat.shows("KV pool")) << chat.shown();
    chat.type("/quit\n");
    EXPECT_EQ(chat.exit_code(), 0);
    EXPECT_EQ(json_of(home.run({"agents", "show", "vera", "--json"})).at("turns").to_number<int>(), 1);
}

}  // namespace
}  // namespace kvasir::test
