// JSON in: what is no JSON, too deep or too large. JSON out: readable for every client.
#include <limits>
#include <string>

#include <gmock/gmock.h>

#include "api/api_limits.h"
#include "api/json_text.h"
#include "api/openai_chat.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

std::string request_with(const std::string& field) {
    return R"({"messages":[{"role":"user","content":"hi"}],"metadata":{"x":)" + field + "}}";
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(JsonLimitsTest, DepthEndsWhereTheLimitSays) {
    EXPECT_TRUE(parse_openai_chat(request_with(nested(kJsonDepthMax - 2))));
    const auto deeper = parse_openai_chat(request_with(nested(kJsonDepthMax - 1)));
    ASSERT_FALSE(deeper);
    EXPECT_EQ(deeper.error().http_status, 400);
    EXPECT_THAT(deeper.error().message, HasSubstr("64 levels"));
    const auto deepest = parse_openai_chat(request_with(nested(1'000'000)));
    ASSERT_FALSE(deepest);
    EXPECT_THAT(deepest.error().message, HasSubstr("64 levels"));
}

TEST(JsonLimitsTest, SizeEndsWhereTheLimitSays) {
    const std::string empty = request_with("\"\"");
    const std::string fits =
        request_with("\"" + std::string(kRequestJsonBytesMax - empty.size(), 'x') + "\"");
    ASSERT_EQ(fits.size(), kRequestJsonBytesMax);
    EXPECT_TRUE(parse_openai_chat(fits));
    const auto larger = parse_openai_chat(fits + " ");
    ASSERT_FALSE(larger);
    EXPECT_EQ(larger.error().http_status, 413);
    EXPECT_EQ(larger.error().code, "request_too_large");
}

// Small texts whose values take a dozen times their size in memory.
// [element,element,...] of about so many bytes
std::string list_of(const std::string& element, std::size_t bytes) {
    std::string list = "[" + element;
    while (list.size() < bytes) list += "," + element;
    return list + "]";
}

// Small texts whose values take a dozen times their size in memory: at once, or bit by bit.
TEST(JsonLimitsTest, MemoryOfParsedValuesIsBounded) {
    for (const std::string& element : {std::string("{}"), list_of("1", 4000)}) {
        const auto request = parse_openai_chat(request_with(list_of(element, kRequestJsonBytesMax - 8000)));
        ASSERT_FALSE(request) << element.size();
        EXPECT_EQ(request.error().http_status, 413) << request.error().message;
        EXPECT_TRUE(parse_openai_chat(request_with(list_of(element, kRequestJsonBytesMax / 16))));  // control
    }
}

TEST(JsonLimitsTest, WhatIsNoJsonObjectIsRefused) {
    for (const std::string& text :
         {std::string(), std::string(" "), std::string("null"), std::string("[]"), std::string("\"x\""),
          std::string("{"), std::string("{}x"), std::string("{} {}"), std::string("{'a':1}"),
          std::string("{\"a\":1,}"), std::string("{\"a\":NaN}"), std::string("{\"a\":01}"),
          std::string("{\"a\":\"\x01\"}"), std::string("\xEF\xBB\xBF{}"), std::string("{\"a\":\"\\ud800\"}"),
          std::string("{\"a\":\"\0\"}", 9)}) {
        const auto object = parse_request_body(text);
        ASSERT_FALSE(object) << text;
        EXPECT_EQ(object.error().http_status, 400) << text;
        EXPECT_EQ(object.error().code, "invalid_json") << text;
    }
    EXPECT_TRUE(parse_request_body(" \n{\"a\":\"\\ud83e\\udd89\"}\t\n"));  // control
}

TEST(JsonLimitsTest, InvalidUtf8IsRefused) {
    for (const char* bytes :
         {"\xFF", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"}) {
        EXPECT_FALSE(parse_openai_chat(request_with("\"" + std::string(bytes) + "\""))) << bytes;
        EXPECT_FALSE(parse_openai_chat("{\"" + std::string(bytes) + "\":1}")) << bytes;
    }
    EXPECT_TRUE(parse_openai_chat(request_with("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\xA6\x89\"")));  // control
}

TEST(JsonTextTest, NumbersAreShortAndReadBack) {
    EXPECT_EQ(to_json_text(0.1), "0.1");
    EXPECT_EQ(to_json_text(5.0), "5.0");
    EXPECT_EQ(to_json_text(-2), "-2");
    EXPECT_EQ(to_json_text(18446744073709551615ULL), "18446744073709551615");
    EXPECT_EQ(to_json_text(std::numeric_limits<double>::infinity()), "null");
    for (const double number : {1e300, 5e-324, 1.0 / 3, -0.0, 1e21}) {
        EXPECT_EQ(json::parse(to_json_text(number)).to_number<double>(), number);
    }
}

TEST(JsonTextTest, TextIsAlwaysValid) {
    EXPECT_EQ(to_json_text("a\"\\\n\r\t\x01\x7F/\xC3\xA9"), "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f/\xC3\xA9\"");
    EXPECT_EQ(to_json_text("a\xC3"), "\"a\xEF\xBF\xBD\"");
    EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\xA6\x89\xF0\x9F"), "\xF0\x9F\xA6\x89\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(to_json_text({{"b", 1}, {"a", json::array{1, nullptr, true}}, {"c", json::object()}}),
              R"({"b":1,"a":[1,null,true],"c":{}})");
}

}  // namespace
}  // namespace kvasir::test
