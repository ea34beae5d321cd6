#include "base/names.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "base/limits.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(AgentNameTest, AcceptsWhatTheRuleSays) {
    const std::string longest(kAgentNameBytesMax, 'x');
    for (const std::string& name : {std::string("a"), std::string("0"), std::string("coder-1"),
                                    std::string("A.b_c-d"), std::string("a..b"), longest}) {
        EXPECT_TRUE(check_agent_name(name)) << name;
    }
}

std::vector<std::string> hostile_names() {
    return {
        "",
        ".",
        "..",
        "../x",
        "a/../b",
        "/etc/passwd",
        "a\\b",
        "-rf",
        "_hidden",
        ".hidden",
        "a b",
        " a",
        "a ",
        "a\n",
        "a\r\nX-Header: 1",
        std::string("a\0b", 3),
        std::string("\0", 1),
        "\x1b[2J",
        "a\x7f",
        "a\xc3\xa9",  // a letter, but not one of the rule
        "a\xe2\x80\xae"
        "b",  // right-to-left override
        "a\xef\xbc\x8f"
        "b",  // full-width solidus
        "a\xc0\xaf"
        "b",          // overlong '/'
        "a\xcc\x81",  // combining accent
        "a\xff",
        "a%2fb",
        "a'b",
        "a\"b",
        "a;b",
        std::string(kAgentNameBytesMax + 1, 'x'),
        std::string(10 * 1024, 'x'),
        std::string(4 * 1024 * 1024, '\x01'),
    };
}

TEST(AgentNameTest, RefusesHostileNamesInOneReadableLine) {
    for (const std::string& name : hostile_names()) {
        const Status status = check_agent_name(name);
        ASSERT_FALSE(status) << printable(name);
        EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
        EXPECT_LT(status.error().message.size(), 500u);
        EXPECT_THAT(status.error().message, HasSubstr("1 to 64"));
        for (const char c : status.error().message) EXPECT_TRUE(c >= 0x20 && c <= 0x7e) << printable(name);
    }
}

// Control: the check above does see a message that echoes what it got.
TEST(AgentNameTest, AnEchoedControlCharacterWouldBeSeen) {
    const std::string echo = "'\x1b[2J' is no agent name";
    EXPECT_NE(std::count_if(echo.begin(), echo.end(), [](char c) { return c < 0x20 || c > 0x7e; }), 0);
}

TEST(PrintableTest, QuotesEscapesAndCuts) {
    EXPECT_EQ(printable("coder"), "'coder'");
    EXPECT_EQ(printable("a\nb"), "'a\\x0ab'");
    EXPECT_EQ(printable("it's"), "'it\\x27s'");
    EXPECT_EQ(printable("\\"), "'\\x5c'");
    EXPECT_EQ(printable("\xc3\xa9"), "'\\xc3\\xa9'");
    EXPECT_THAT(printable(std::string(10000, 'x')), StartsWith("'xxx"));
    EXPECT_THAT(printable(std::string(10000, 'x')), HasSubstr("(10000 bytes)"));
    EXPECT_LT(printable(std::string(10000, '\n')).size(), 300u);
}

}  // namespace
}  // namespace kvasir::test
