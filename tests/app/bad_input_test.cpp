// Bad input: one clear sentence, its exit code, nothing lost.
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include "app/program.h"

namespace kvasir::test {
namespace {

TEST(BadInput, UnknownAgent) {
    const Home home;
    expect_one_sentence(home.run({"chat", "nobody", "hello"}), 3, "nobody");
    expect_one_sentence(home.run({"agents", "show", "nobody"}), 3, "nobody");
    expect_one_sentence(home.run({"agents", "rm", "nobody"}), 3, "nobody");
}

TEST(BadInput, HostileNames) {
    const Home home;
    for (const std::string& name :
         {std::string("../x"), std::string("a/b"), std::string("\x1b[31mred"), std::string(10'000, 'a'),
          std::string(".hidden"), std::string("\xff\xfe"), std::string("a b")}) {
        expect_one_sentence(home.run({"agents", "create", name, "--system", "x"}), 2, "name");
    }
    EXPECT_EQ(home.run({"agents", "ls", "--json"}).out, "[]\n");
}

TEST(BadInput, Usage) {
    EXPECT_EQ(run_program({}).exit_code, 2);
    EXPECT_EQ(run_program({"no-such-command"}).exit_code, 2);
    EXPECT_EQ(run_program({"chat"}).exit_code, 2);
    EXPECT_EQ(run_program({"demo", "--max-agents", "0"}).exit_code, 2);
    EXPECT_EQ(run_program({"demo", "--max-agents", "many"}).exit_code, 2);
    EXPECT_EQ(run_program({"--version"}).exit_code, 0);
}

TEST(BadInput, ModelFiles) {
    const Home home;
    expect_one_sentence(home.run({"chat", "a", "x", "--model", "/no/such/model.gguf"}), 6,
                        "/no/such/model.gguf");
    const std::string whole = read_file(KVASIR_DEMO_MODEL);
    write_file(home.path() + "/half.gguf", whole.substr(0, whole.size() / 2));
    expect_one_sentence(home.run({"chat", "a", "x", "--model", home.path() + "/half.gguf"}), 6, "truncated");
    write_file(home.path() + "/stub.gguf", whole.substr(0, 100));
    expect_one_sentence(home.run({"chat", "a", "x", "--model", home.path() + "/stub.gguf"}), 6, "stub.gguf");
    write_file(home.path() + "/text.gguf", "this is no model");
    expect_one_sentence(home.run({"chat", "a", "x", "--model", home.path() + "/text.gguf"}), 6, "GGUF");
    expect_one_sentence(home.run({"chat", "a", "x", "--model", "/"}), 6, "file");
}

TEST(BadInput, AModelThatDoesNotFitInMemory) {
    const Home home;
    const Outcome outcome = home.run({"chat", "a", "x", "--kv-cells", "1000000000"});
    expect_one_sentence(outcome, 6, "--ctx-size");
    EXPECT_NE(outcome.err.find("needs"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("available"), std::string::npos) << outcome.err;
}

TEST(BadInput, AnotherModelThanTheAgents) {
    const Home home;
    ASSERT_EQ(home.run({"agents", "create", "vera", "--system", "You are Vera."}).exit_code, 0);
    const std::string other = KVASIR_TEST_MODELS_DIR "/llama-dense.gguf";
    const Outcome outcome = home.run({"chat", "vera", "hello", "--model", other, "--quiet"});
    expect_one_sentence(outcome, 6, "vera");
    EXPECT_EQ(home.run({"chat", "vera", "Hello!"}).exit_code, 0) << "the agent is as it was";
}

TEST(BadInput, StoreInUse) {
    const Home home;
    ASSERT_EQ(home.run({"agents", "ls"}).exit_code, 0);
    const int lock = ::open((home.path() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::flock(lock, LOCK_EX), 0);
    expect_one_sentence(home.run({"agents", "ls"}), 4, "lock");
    ::close(lock);
    EXPECT_EQ(home.run({"agents", "ls"}).exit_code, 0);
}

TEST(BadInput, StoreOfAFutureVersionAndDamagedStore) {
    const Home home;
    ASSERT_EQ(home.run({"agents", "create", "vera", "--system", "You are Vera."}).exit_code, 0);
    const std::string path = home.path() + "/kvasir.db";
    const std::string good = read_file(path);
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, "PRAGMA user_version = 9999", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
    expect_one_sentence(home.run({"agents", "ls"}), 5, "newer");
    write_file(path, std::string(good.size(), 'x'));
    expect_one_sentence(home.run({"agents", "ls"}), 5, home.path());
    write_file(path, good);
    EXPECT_EQ(home.run({"agents", "show", "vera"}).exit_code, 0);
}

TEST(BadInput, StoreThatCannotBeWritten) {
    expect_one_sentence(run_program({"agents", "ls", "--home", "/proc/kvasir"}), 1, "/proc");
    const Home home;
    write_file(home.path() + "/file", "in the way");
    expect_one_sentence(run_program({"agents", "ls", "--home", home.path() + "/file"}), 1, "file");
}

TEST(BadInput, AFullDiskKeepsTheTurnAndTellsAboutTheCache) {
    const Home home;
    ASSERT_EQ(home.run({"agents", "create", "vera", "--system", "You are Vera."}).exit_code, 0);
    // More must stay free than there is: KV is refused, words are not.
    const Outcome outcome = run_program({"chat", "vera", "Remember that the owner of the archive is Nora.",
                                         "--home", home.path(), "--disk-free-min", "1000TB"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_one_sentence(outcome, 0, "free");
    const Outcome asked = home.run({"chat", "vera", "What is the owner of the archive?"});
    EXPECT_NE(asked.out.find("Nora"), std::string::npos) << asked.out;
}

TEST(Settings, TheDefaultStoreIsInTheHomeDirectory) {
    const Home home;
    EXPECT_EQ(run_program({"agents", "ls"}, {}, {"HOME=" + home.path()}).exit_code, 0);
    EXPECT_EQ(::access((home.path() + "/.kvasir/kvasir.db").c_str(), F_OK), 0);
}

TEST(Settings, FlagsBeatEnvironmentBeatsFile) {
    const Home home;
    const std::string configuration = home.path() + "/config.toml";
    write_file(configuration, "home = \"" + home.path() + "/from-file\"\n");
    const auto made = [&](const std::string& name) {
        return ::access((home.path() + "/" + name + "/kvasir.db").c_str(), F_OK) == 0;
    };
    EXPECT_EQ(run_program({"--config", configuration, "agents", "ls"}).exit_code, 0);
    EXPECT_TRUE(made("from-file"));
    const std::vector<std::string> environment = {"KVASIR_HOME=" + home.path() + "/from-environment"};
    EXPECT_EQ(run_program({"--config", configuration, "agents", "ls"}, {}, environment).exit_code, 0);
    EXPECT_TRUE(made("from-environment"));
    EXPECT_EQ(run_program({"--config", configuration, "agents", "ls", "--home", home.path() + "/from-flag"},
                          {}, environment)
                  .exit_code,
              0);
    EXPECT_TRUE(made("from-flag"));
    write_file(configuration, "no-such-key = 1\n");
    const Outcome unknown = run_program({"--config", configuration, "agents", "ls"});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_NE(unknown.err.find("no-such-key"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace kvasir::test
