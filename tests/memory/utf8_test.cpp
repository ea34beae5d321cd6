#include "memory/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace kvasir {
namespace {

TEST(Utf8, AcceptsWholeCharactersOnly) {
    EXPECT_TRUE(is_valid_utf8(""));
    EXPECT_TRUE(is_valid_utf8("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"));
    for (const char* bad : {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                            "\xF4\x90\x80\x80", "\xFF", "ok\xE2\x82"}) {
        EXPECT_FALSE(is_valid_utf8(bad)) << bad;
    }
}

TEST(Utf8Stream, GivesCompleteCharactersHoweverTheBytesCome) {
    const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z";
    Utf8Stream stream;
    std::string out;
    for (const char byte : text) {
        const std::string piece = stream.push(std::string(1, byte));
        EXPECT_TRUE(is_valid_utf8(piece));
        out += piece;
    }
    EXPECT_EQ(out + stream.finish(), text);
}

TEST(Utf8Stream, ReplacesWhatIsNoCharacter) {
    Utf8Stream stream;
    EXPECT_EQ(stream.push("a\xFF"
                          "b\xE2\x28"),
              "a\xEF\xBF\xBD"
              "b\xEF\xBF\xBD(");
    EXPECT_EQ(stream.push("\xE2\x82"), "");
    EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
    EXPECT_EQ(stream.finish(), "");
}

}  // namespace
}  // namespace kvasir
