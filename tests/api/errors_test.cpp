// Errors: which status, which words, which headers, in the form of each protocol.
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "api/anthropic.h"
#include "api/api_error.h"
#include "api/openai_chat.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Expected {
    ErrorCode code;
    int status;
    const char* openai_code;
    const char* anthropic_type;
};

TEST(ApiErrorTest, EveryErrorCodeHasItsStatus) {
    const std::vector<Expected> table = {
        {ErrorCode::kInvalidArgument, 400, "invalid_argument", "invalid_request_error"},
        {ErrorCode::kNotFound, 404, "not_found", "not_found_error"},
        {ErrorCode::kConflict, 409, "conflict", "invalid_request_error"},
        {ErrorCode::kStoreInUse, 503, "store_in_use", "overloaded_error"},
        {ErrorCode::kStoreUnusable, 500, "store_unusable", "api_error"},
        {ErrorCode::kDamaged, 500, "damaged", "api_error"},
        {ErrorCode::kModelUnusable, 409, "model_unusable", "invalid_request_error"},
        {ErrorCode::kOutOfMemory, 503, "out_of_memory", "overloaded_error"},
        {ErrorCode::kNoSpace, 507, "no_space", "api_error"},
        {ErrorCode::kIo, 500, "io", "api_error"},
        {ErrorCode::kContextFull, 400, "context_length_exceeded", "invalid_request_error"},
        {ErrorCode::kCancelled, 499, "cancelled", "invalid_request_error"},
        {ErrorCode::kUnavailable, 503, "unavailable", "overloaded_error"},
    };
    for (const Expected& expected : table) {
        const ApiError error = api_error({expected.code, "what happened"});
        EXPECT_EQ(error.http_status, expected.status) << expected.openai_code;
        EXPECT_EQ(error.code, expected.openai_code);
        const json::value anthropic = json::parse(anthropic_error_body(error));
        EXPECT_EQ(anthropic.at_pointer("/error/type"), expected.anthropic_type) << expected.openai_code;
        EXPECT_THAT(error.message, HasSubstr("what happened"));
    }
}

// Clients repeat by themselves what looks passing; they are told where it is, and where it is not.
TEST(ApiErrorTest, RetriesAreSteered) {
    EXPECT_THAT(api_error({ErrorCode::kConflict, "x"}).headers, Contains(Pair("x-should-retry", "false")));
    EXPECT_THAT(api_error({ErrorCode::kNoSpace, "x"}).headers, Contains(Pair("x-should-retry", "false")));
    EXPECT_THAT(api_error({ErrorCode::kUnavailable, "x"}).headers, Contains(Pair("Retry-After", "1")));
    EXPECT_THAT(too_many_requests("x", 7).headers, Contains(Pair("Retry-After", "7")));
    EXPECT_EQ(too_many_requests("x", 7).http_status, 429);
    EXPECT_THAT(api_error({ErrorCode::kInvalidArgument, "x"}).headers, IsEmpty());
}

TEST(ApiErrorTest, AFullContextIsToldInTheWordsThatClientsLookFor) {
    const Error full{ErrorCode::kContextFull, "the agent's context is full"};
    const ApiError unknown = api_error(full);
    EXPECT_EQ(unknown.message, "maximum context length exceeded: the agent's context is full");
    EXPECT_EQ(json::parse(anthropic_error_body(unknown)).at_pointer("/error/message"),
              json::value(unknown.message));
    const ApiError known = api_error(full, ContextSize{9000, 8192});
    EXPECT_EQ(json::parse(openai_error_body(known)), json::parse(R"({"error":{
        "message":"the prompt has 9000 tokens, more than the maximum context length of 8192 tokens",
        "type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})"));
    EXPECT_EQ(json::parse(anthropic_error_body(known, "req_1")),
              json::parse(R"({"type":"error","request_id":"req_1","error":{
        "type":"invalid_request_error","message":"prompt is too long: 9000 tokens > 8192 maximum",
        "details":{"error_code":"context_length_exceeded"}}})"));
    EXPECT_EQ(json::parse(kvasir_error_body(known)),
              json::parse(R"({"error":{"code":"context_length_exceeded",
        "message":"the prompt has 9000 tokens, more than the maximum context length of 8192 tokens","field":"messages",
        "prompt_tokens":9000,"context_tokens":8192}})"));
}

TEST(ApiErrorTest, BodiesOfARefusedRequest) {
    const auto request = parse_openai_chat(R"({"messages":[{"role":"user","content":"x"}],"n":2})");
    ASSERT_FALSE(request);
    EXPECT_EQ(json::parse(openai_error_body(request.error())), json::parse(R"({"error":{
        "message":"n must be 1: this server gives one answer","type":"invalid_request_error","param":"n",
        "code":"unsupported_value"}})"));
    EXPECT_EQ(json::parse(kvasir_error_body(request.error())), json::parse(R"({"error":{
        "code":"unsupported_value","message":"n must be 1: this server gives one answer","field":"n"}})"));
}

// By this code the SDK knows to send the whole conversation; a plain 400 ends it.
TEST(ApiErrorTest, ThreadsAreRefusedSoThatTheSdkFallsBack) {
    const auto request = parse_anthropic_messages(
        R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"thread":{"type":"create"}})");
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().http_status, 400);
    EXPECT_EQ(json::parse(anthropic_error_body(request.error())).at_pointer("/error/details/error_code"),
              "thread_unsupported_request");
}

TEST(ApiErrorTest, ErrorsOfTheServerItself) {
    EXPECT_EQ(json::parse(openai_error_body(model_not_found("gpt-9"))).at_pointer("/error/code"),
              "model_not_found");
    EXPECT_EQ(model_not_found("gpt-9").http_status, 404);
    EXPECT_EQ(unauthorized("no key").http_status, 401);
    EXPECT_EQ(json::parse(anthropic_error_body(unauthorized("no key"))).at_pointer("/error/type"),
              "authentication_error");
    EXPECT_EQ(json::parse(openai_error_body(http_error(405, "POST only"))), json::parse(R"({"error":{
        "message":"POST only","type":"invalid_request_error","param":null,"code":null}})"));
    EXPECT_EQ(json::parse(kvasir_error_body(http_error(405, "POST only"))).at_pointer("/error/code"),
              "http_405");
    EXPECT_EQ(json::parse(anthropic_error_body(http_error(413, "large"))).at_pointer("/error/type"),
              "request_too_large");
    EXPECT_FALSE(json::parse(anthropic_error_body(http_error(413, "large")))
                     .at("error")
                     .as_object()
                     .contains("details"));
}

}  // namespace
}  // namespace kvasir::test
