// `kvasir export` and `kvasir import`, on a store of their own and through the server that holds it. The file
// is opened by the safetensors package of others.
#include <csignal>
#include <cstdlib>
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

int reused(const Outcome& outcome) {
    return json_of(outcome).at("memory").at("reused_tokens").to_number<int>();
}

void expect_python_opens(const std::string& path) {
    const std::string command =
        std::string(KVASIR_TEST_PYTHON) + " " KVASIR_APP_TESTS_DIR "/check_exported_agent.py " + path;
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

// The same, whoever holds the store.
void check_transfers(const Home& home, const std::string& folder) {
    ASSERT_EQ(home.run({"chat", "vera", "Remember that the owner of the archive is Nora.", "--create",
                        "--system", "You are Vera, a technical specialist. Answer briefly."})
                  .exit_code,
              0);
    const std::string file = folder + "/vera.safetensors";
    const Outcome exported = home.run({"export", "vera", "--out", file, "--json"});
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    EXPECT_EQ(json_of(exported).at("turns").to_number<int>(), 1);
    const int tokens = json_of(exported).at("tokens").to_number<int>();
    EXPECT_EQ(json_of(exported).at("cache_tokens").to_number<int>(), tokens - 1);
    EXPECT_EQ(json_of(exported).at("file_bytes").to_number<std::uint64_t>(),
              std::filesystem::file_size(file));
    expect_python_opens(file);
    expect_one_sentence(home.run({"export", "vera", "--out", file}), 1, "is there already");
    expect_one_sentence(home.run({"export", "nobody"}), 3, "no agent");
    expect_one_sentence(home.run({"import", file}), 1, "exists already");

    const Outcome imported = home.run({"import", file, "--name", "second"});
    EXPECT_EQ(imported.exit_code, 0) << imported.err;
    EXPECT_NE(imported.out.find("nothing is read again"), std::string::npos) << imported.out;
    const Outcome asked = home.run({"chat", "second", "What is the owner of the archive?"});
    EXPECT_NE(asked.out.find("Nora"), std::string::npos) << asked.out;

    // A store of somebody else reads the tokens again, and is told how long that takes before.
    const Home other;
    const Outcome dry = other.run({"import", file, "--dry-run"});
    EXPECT_EQ(dry.exit_code, 0) << dry.err;
    EXPECT_NE(dry.out.find(std::to_string(tokens - 1) + " tokens to re-read, about"), std::string::npos)
        << dry.out;
    EXPECT_EQ(other.run({"agents", "show", "vera"}).exit_code, 3);
    EXPECT_EQ(other.run({"import", file}).exit_code, 0);
    const Outcome read_again = other.run({"chat", "vera", "What is the owner of the archive?", "--json"});
    EXPECT_EQ(reused(read_again), 0) << read_again.out;
    EXPECT_NE(read_again.out.find("Nora"), std::string::npos) << read_again.out;
    const Home third;
    EXPECT_EQ(third.run({"import", file, "--name", "trusted", "--trust-kv"}).exit_code, 0);
    const Outcome trusted = third.run({"chat", "trusted", "What is the owner of the archive?", "--json"});
    EXPECT_EQ(reused(trusted), tokens - 1) << trusted.out;
    EXPECT_NE(trusted.out.find("Nora"), std::string::npos) << trusted.out;

    write_file(folder + "/broken", read_file(file).substr(0, 3000));
    expect_one_sentence(home.run({"import", folder + "/broken", "--name", "third"}), 2,
                        "no agent that was exported");
    expect_one_sentence(home.run({"import", folder + "/none", "--name", "third"}), 3, "cannot open");
}

TEST(RewarmCommand, ReadsAgainWhatOtherKvTypesLeftBehind) {
    const Home home;
    for (const char* name : {"vera", "otto"})
        ASSERT_EQ(home.run({"chat", name, "Hello.", "--create", "--system",
                            "You are " + std::string(name) + ", and kind."})
                      .exit_code,
                  0);
    const Outcome nothing = home.run({"rewarm"});
    EXPECT_NE(nothing.out.find("nothing to read"), std::string::npos) << nothing.out << nothing.err;
    const Outcome read = home.run({"rewarm", "--cache-type-k", "q8_0", "--json"});
    EXPECT_EQ(read.exit_code, 0) << read.err;
    EXPECT_EQ(json_of(read).at("agents").to_number<int>(), 2) << read.out;
    const Outcome asked = home.run({"chat", "vera", "And now?", "--cache-type-k", "q8_0", "--json"});
    EXPECT_GT(reused(asked), 5) << asked.out;
    EXPECT_EQ(home.run({"rewarm", "--cache-type-k", "q8_0", "--json"}).exit_code, 0);
    Serving server(home.path(), {"--cache-type-k", "q4_0"});
    ASSERT_TRUE(server.serves()) << server.err();
    const Outcome served = home.run({"rewarm", "--json"});
    EXPECT_EQ(json_of(served).at("agents").to_number<int>(), 2) << served.out << served.err;
    EXPECT_EQ(server.end(SIGTERM), 0) << server.err();
}

std::string new_folder() {
    std::string folder = testing::TempDir() + "kvasir-files-XXXXXX";
    return ::mkdtemp(folder.data()) == nullptr ? std::string() : folder;
}

TEST(TransferCommands, WorkOnAStoreOfTheirOwn) {
    const Home home;
    const std::string folder = new_folder();
    check_transfers(home, folder);
    std::filesystem::remove_all(folder);
}

TEST(TransferCommands, WorkThroughAServer) {
    const Home home;
    Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    const std::string folder = new_folder();
    check_transfers(home, folder);
    EXPECT_EQ(server.end(SIGTERM), 0) << server.err();
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace kvasir::test
