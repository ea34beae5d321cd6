// `kvasir why` and `kvasir launch`: what a server remembers of its requests, and settings for clients.
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "app/serving.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

TEST(WhyCommand, TellsOfTheLastRequestsAndOfOneThatIsNotSentYet) {
    const Home home;
    expect_one_sentence(home.run({"why", "vera"}), 1, "no server runs on this store");
    const Serving server(home.path());
    ASSERT_TRUE(server.serves()) << server.err();
    EXPECT_THAT(home.run({"why", "vera"}).out, HasSubstr("no request for this agent"));
    ASSERT_EQ(home.run({"chat", "vera", "Remember 42.", "--create", "--system", "You are Vera."}).exit_code,
              0);
    const Outcome told = home.run({"why", "vera"});
    EXPECT_THAT(told.out, HasSubstr("found by held"));
    EXPECT_THAT(told.out, HasSubstr("reused"));
    const std::string request =
        R"({"messages":[{"role":"system","content":"You are Vera!"},{"role":"user","content":"Remember 42."}]})";
    const Outcome dry = home.run({"why", "vera", "--before-sending", "-"}, request);
    EXPECT_EQ(dry.exit_code, 0) << dry.err;
    EXPECT_THAT(dry.out, HasSubstr("before sending"));
    EXPECT_THAT(dry.out, HasSubstr("messages[0].content"));
    EXPECT_THAT(dry.out, HasSubstr("You are Vera."));
    EXPECT_THAT(dry.out, HasSubstr("what to do"));
    const Outcome as_json = home.run({"why", "vera", "--json"});
    EXPECT_EQ(json::parse(as_json.out).at("requests").as_array().size(), 1U);
    expect_one_sentence(home.run({"why", "--request", "nobody"}), 3, "nothing is known of a request");
    expect_one_sentence(home.run({"why", "vera", "--before-sending", "/nowhere"}), 3, "/nowhere");
}

TEST(LaunchCommand, PrintsSettingsThatNameTheServerAndTheAgent) {
    const Home home;
    const Outcome codex = home.run({"launch", "codex", "--agent", "coder", "--url", "http://127.0.0.1:9/"});
    EXPECT_THAT(codex.out, HasSubstr("base_url = \"http://127.0.0.1:9/agents/coder/v1\""));
    EXPECT_THAT(codex.out, HasSubstr("wire_api = \"responses\""));
    EXPECT_THAT(codex.err, HasSubstr("~/.codex/config.toml"));
    const Outcome claude = home.run({"launch", "claude"});
    EXPECT_THAT(claude.out, HasSubstr("ANTHROPIC_BASE_URL=http://127.0.0.1:8642\n"));
    EXPECT_THAT(claude.out, HasSubstr("CLAUDE_CODE_ATTRIBUTION_HEADER=0"));
    for (const char* name : {"opencode", "pi"}) {
        const Outcome settings = home.run({"launch", name, "--quiet"});
        EXPECT_NO_THROW((void)json::parse(settings.out)) << settings.out;
        EXPECT_EQ(settings.err, "");
    }
    expect_one_sentence(home.run({"launch", "teapot"}), 2, "known are claude, codex");
}

TEST(LaunchCommand, TakesTheModelFromTheServerAndWritesNoFileOver) {
    const Home home;
    const Serving server(home.path(), {"--alias", "my-model"});
    ASSERT_TRUE(server.serves()) << server.err();
    const std::string file = home.path() + "/models.json";
    ASSERT_EQ(home.run({"launch", "pi", "--output", file}).exit_code, 0);
    const std::string written = read_file(file);
    EXPECT_THAT(written, HasSubstr("\"id\": \"my-model\""));
    expect_one_sentence(home.run({"launch", "codex", "--output", file}), 1, "was not written");
    EXPECT_EQ(read_file(file), written);
}

}  // namespace
}  // namespace kvasir::test
