// Where the command line's way to a server ends: dead servers, other stores, keys, paths, Ctrl-C.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include <boost/json.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/on_terminal.h"
#include "app/program.h"
#include "app/serving.h"
#include "http/unix_client.h"
#include "server/http_client.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

// A model of random weights talks on and on: something to stop.
const std::vector<std::string> kBabbler = {
    "--model", KVASIR_TEST_MODELS_DIR "/llama-dense.gguf", "--ctx-size", "8000", "-t", "1"};
constexpr const char* kNoEnd = "7900";

std::string socket_of(const Home& home) { return home.path() + "/kvasir.sock"; }

int status_over(const std::string& socket_path, const std::string& target) {
    ClientRequest request;
    request.target = target;
    const auto response = ask_unix_socket(socket_path, request);
    return response ? response->status : 0;
}

int turns_of(const Home& home, const std::string& agent) {
    const json::value shown = json::parse(home.run({"agents", "show", agent, "--json"}).out);
    return shown.as_object().contains("turns") ? shown.at("turns").to_number<int>() : -1;
}

bool becomes(const std::function<bool()>& condition) {
    for (int i = 0; i < 300; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
}

bool is_active(const Home& home) {
    return home.run({"ps", "--json"}).out.find("\"state\":\"active\"") != std::string::npos;
}

TEST(ServedEdges, TheSocketIsOfItsUserOnlyAndGoesWithTheServer) {
    const Home home;
    Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    struct stat status {};
    ASSERT_EQ(::stat(socket_of(home).c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(server.end(SIGTERM), 0);
    EXPECT_NE(::stat(socket_of(home).c_str(), &status), 0);
}

TEST(ServedEdges, TheUserNeedsNoKeyAndOthersDo) {
    const Home home;
    const std::string shared = home.path() + "/shared.sock";
    const Serving server(home.path(), {"--api-key", "secret", "--unix-socket", shared});
    ASSERT_TRUE(server.serves()) << server.err();
    EXPECT_EQ(home.run({"agents", "create", "vera", "--system", "x"}).exit_code, 0);
    EXPECT_EQ(home.run({"agents", "ls"}).exit_code, 0);
    const HttpClient tcp(server.port());
    EXPECT_EQ(tcp.get("/agents").status, 401);
    EXPECT_EQ(tcp.get("/agents", {{"Authorization", "Bearer secret"}}).status, 200);
    // A socket that was asked for may be handed on, to a proxy for example.
    EXPECT_EQ(status_over(shared, "/agents"), 401);
    EXPECT_EQ(status_over(socket_of(home), "/agents"), 200);
}

TEST(ServedEdges, KeysMayLieInAFileAndNeedNotBeThere) {
    const Home home;
    const std::string file = home.path() + ".keys";
    // printf %s secret | sha256sum
    std::ofstream(file) << "# of the team\n\n  plain key\n"
                           "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n";
    {
        const Serving server(home.path(), {"--api-key-file", file});
        ASSERT_TRUE(server.serves()) << server.err();
        const HttpClient tcp(server.port());
        EXPECT_EQ(tcp.get("/agents").status, 401);
        EXPECT_EQ(tcp.get("/agents", {{"Authorization", "Bearer secret"}}).status, 200);
        EXPECT_EQ(tcp.get("/agents", {{"x-api-key", "plain key"}}).status, 200);
        EXPECT_EQ(tcp.get("/agents", {{"x-api-key", "# of the team"}}).status, 401);
    }
    std::ofstream(file) << "# nothing\n";
    expect_one_sentence(home.run({"serve", "--port", "0", "--api-key-file", file}), 2, "no API key in");
    expect_one_sentence(home.run({"serve", "--port", "0", "--api-key", "sha256:1"}), 2, "64 hex digits");
    expect_one_sentence(home.run({"serve", "--port", "0", "--api-key-file", file + ".none"}), 3, ".none");
    std::filesystem::remove(file);
}

TEST(ServedEdges, TwoStoresDoNotSeeEachOther) {
    const Home one;
    const Home other;
    const Serving server_of_one(one.path());
    const Serving server_of_other(other.path());
    ASSERT_TRUE(server_of_one.serves() && server_of_other.serves());
    ASSERT_EQ(one.run({"agents", "create", "vera", "--system", "x"}).exit_code, 0);
    ASSERT_EQ(other.run({"agents", "create", "bob", "--system", "x"}).exit_code, 0);
    EXPECT_EQ(one.run({"agents", "show", "vera"}).exit_code, 0);
    EXPECT_EQ(one.run({"agents", "show", "bob"}).exit_code, 3);
    EXPECT_EQ(other.run({"agents", "show", "bob"}).exit_code, 0);
    EXPECT_EQ(other.run({"agents", "show", "vera"}).exit_code, 3);
}

TEST(ServedEdges, AKilledServerLeavesAStoreThatWorksAndASocketThatIsReplaced) {
    const Home home;
    {
        Serving server(home.path());
        ASSERT_TRUE(server.serves()) << server.err();
        ASSERT_EQ(home.run({"agents", "create", "vera", "--system", "x"}).exit_code, 0);
        server.end(SIGKILL);
    }
    ASSERT_TRUE(std::filesystem::exists(socket_of(home)));
    const Outcome alone = home.run({"agents", "show", "vera", "--json"});
    EXPECT_EQ(alone.exit_code, 0) << alone.err;
    EXPECT_NE(alone.out.find("\"state\":\"stored\""), std::string::npos) << alone.out;
    // Somebody holds the store and does not serve: the socket that lies there helps nobody.
    const int lock = ::open((home.path() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::flock(lock, LOCK_EX), 0);
    expect_one_sentence(home.run({"agents", "ls"}), 4, "held by another process");
    ::close(lock);
    const Serving again(home.path());
    ASSERT_TRUE(again.serves()) << again.err();
    EXPECT_EQ(again.err(), "");
    EXPECT_NE(home.run({"agents", "show", "vera", "--json"}).out.find("vera"), std::string::npos);
    EXPECT_EQ(status_over(socket_of(home), "/health"), 200);
}

TEST(ServedEdges, AServerThatDiesInTheMiddleOfAnAnswerIsOneSentence) {
    const Home home;
    Serving server(home.path(), kBabbler);
    ASSERT_TRUE(server.serves()) << server.err();
    ASSERT_EQ(home.run({"agents", "create", "babbler", "--system", "x"}).exit_code, 0);
    auto talking = std::async(std::launch::async, [&] {
        return home.run({"chat", "babbler", "hello", "-n", kNoEnd});
    });
    ASSERT_TRUE(becomes([&] { return is_active(home); }));
    server.end(SIGKILL);
    expect_one_sentence(talking.get(), 1, "the server went away");
    EXPECT_EQ(turns_of(home, "babbler"), 0) << "what was not acknowledged is not there";
}

TEST(ServedEdges, ControlCStopsTheAnswerInTheServerAndTheConversationGoesOn) {
    const Home home;
    const Serving server(home.path(), kBabbler);
    ASSERT_TRUE(server.serves()) << server.err();
    OnTerminal chat({"chat", "babbler", "--create", "--system", "x", "--home", home.path(), "-n", kNoEnd});
    ASSERT_TRUE(chat.shows("> ")) << chat.shown();
    chat.type("hello\n");
    ASSERT_TRUE(chat.shows("hello\r\n")) << chat.shown();
    ASSERT_TRUE(becomes([&] { return is_active(home); }));
    chat.type("\x03");
    ASSERT_TRUE(chat.shows("stopped; what was said by then stays")) << chat.shown();
    ASSERT_TRUE(chat.shows("> ")) << chat.shown();
    EXPECT_TRUE(becomes([&] { return !is_active(home); })) << "the server must not talk on";
    EXPECT_EQ(turns_of(home, "babbler"), 1);
    chat.type("/agents\n");
    ASSERT_TRUE(chat.shows("babbler")) << chat.shown();
    chat.type("/quit\n");
    EXPECT_EQ(chat.exit_code(), 0);
}

TEST(ServedEdges, AStoreWhosePathIsTooLongForASocketIsServedAndHasAWayOut) {
    const Home home;
    const std::string deep = home.path() + "/" + std::string(120, 'd');
    const std::string link = home.path() + "/short";
    ASSERT_TRUE(std::filesystem::create_directory(deep));
    std::filesystem::create_directory_symlink(deep, link);
    {
        Serving server(deep);
        ASSERT_TRUE(server.serves()) << server.err();
        const std::string warning = server.err();
        EXPECT_EQ(std::count(warning.begin(), warning.end(), '\n'), 1) << warning;
        EXPECT_NE(warning.find("symbolic link"), std::string::npos) << warning;
        EXPECT_EQ(HttpClient(server.port()).get("/agents").status, 200);
        expect_one_sentence(run_program({"agents", "ls", "--home", deep}), 4, "held by another process");
        EXPECT_EQ(server.end(SIGTERM), 0);
    }
    const Serving server(link);
    ASSERT_TRUE(server.serves()) << server.err();
    EXPECT_EQ(server.err(), "");
    EXPECT_EQ(run_program({"agents", "ls", "--home", link}).exit_code, 0);
}

TEST(ServedEdges, AServerThatDoesNotSpeakIsNotWaitedForLong) {
    const Home home;
    Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    server.signal(SIGSTOP);
    const auto begin = std::chrono::steady_clock::now();
    expect_one_sentence(home.run({"agents", "ls"}), 4, "held by another process");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
    server.signal(SIGCONT);
    EXPECT_EQ(home.run({"agents", "ls"}).exit_code, 0);
}

}  // namespace
}  // namespace kvasir::test
