// Targets of request lines taken apart; random bytes never do worse than an error.
#include "http/target.h"

#include <random>

#include <gtest/gtest.h>

#include "http/request_id.h"

namespace kvasir::test {
namespace {

TEST(HttpTarget, PathAndQueryAreDecoded) {
    const auto target = parse_target("/a%2Fb/%C3%A9+c?x=1&y=a%26b&z&=v&&p+q=r+s%0A");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, "/a/b/\xC3\xA9+c");
    const HttpHeaders query = {{"x", "1"}, {"y", "a&b"}, {"z", ""}, {"", "v"}, {"p q", "r s\n"}};
    EXPECT_EQ(target->query, query);
}

TEST(HttpTarget, AbsoluteFormGivesItsAuthority) {
    const auto target = parse_target("http://example.org:81/a?b");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->authority, "example.org:81");
    EXPECT_EQ(target->path, "/a");
    EXPECT_EQ(parse_target("http://example.org")->path, "/");
    EXPECT_EQ(parse_target("http://example.org?q=1")->query.size(), 1U);
    EXPECT_FALSE(parse_target("ftp://example.org/"));
    EXPECT_FALSE(parse_target("http://"));
}

TEST(HttpTarget, BadEncodingsAreRefused) {
    for (const char* bad :
         {"", "a", "*", "/%", "/%4", "/%g1", "/%00", "/%1F", "/%7f", "/%80", "/%C3", "/%ED%A0%80",
          "/%F4%90%80%80", "/%E0%80%80", "/?%", "/?a=%FF", "/?a=%00", "/#", "/?#"}) {
        EXPECT_FALSE(parse_target(bad)) << bad;
    }
    for (const char* good : {"/", "/%20", "/%ED%9F%BF", "/%F4%8F%BF%BF", "/%E0%A0%80", "/?a=%1F", "/?"}) {
        EXPECT_TRUE(parse_target(good)) << good;
    }
}

TEST(HttpTarget, WhatPassesHasNoControlCharacter) {
    std::mt19937 random(7);
    int passed = 0;
    for (int i = 0; i < 200'000; ++i) {
        std::string text = "/";
        for (int k = 0; k < 6; ++k) {
            static constexpr std::string_view kPieces[] = {"%", "0",  "a",   "F",   "?",    "=",
                                                           "&", "%0", "%C3", "%A9", "\x01", "/"};
            text += kPieces[random() % std::size(kPieces)];
        }
        const auto target = parse_target(text);
        if (!target) continue;
        ++passed;
        for (const char c : target->path)
            ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << text;
    }
    EXPECT_GT(passed, 1000);
}

TEST(HttpRequestId, OnlyPlainOnesAreTakenOver) {
    EXPECT_TRUE(is_usable_request_id("a"));
    EXPECT_TRUE(is_usable_request_id("AZaz09._:-"));
    EXPECT_TRUE(is_usable_request_id(std::string(128, 'x')));
    EXPECT_FALSE(is_usable_request_id(""));
    EXPECT_FALSE(is_usable_request_id(std::string(129, 'x')));
    for (const char* bad : {"a b", "a/b", "a\"", "a\n", "\xC3\xA9", "a,b"})
        EXPECT_FALSE(is_usable_request_id(bad)) << bad;
    EXPECT_NE(make_request_id(), make_request_id());
    EXPECT_EQ(make_request_id().size(), 32U);
    EXPECT_TRUE(is_usable_request_id(make_request_id()));
}

}  // namespace
}  // namespace kvasir::test
