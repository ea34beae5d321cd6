// API keys as they are given, and as digests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/api_keys.h"
#include "server/served_world.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

// printf %s secret | sha256sum
const char* const kSecretDigest = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

HttpRequest with_key(const std::string& key) {
    HttpRequest request;
    request.headers = {{"authorization", "Bearer " + key}};
    return request;
}

TEST(ApiKeyDigests, StandForTheirKeys) {
    const ApiKeys keys({kSecretDigest, "plain"});
    EXPECT_EQ(keys.check(with_key("secret")), KeyCheck::kRight);
    EXPECT_EQ(keys.check(with_key("plain")), KeyCheck::kRight);
    EXPECT_EQ(keys.check(with_key(kSecretDigest)), KeyCheck::kWrong) << "who reads the file has no key yet";
    EXPECT_EQ(keys.check(with_key("secret ")), KeyCheck::kWrong);
    EXPECT_EQ(keys.check(HttpRequest()), KeyCheck::kMissing);
}

TEST(ApiKeyDigests, ThatAreNoneAreRefused) {
    EXPECT_TRUE(check_api_keys({"plain", kSecretDigest}));
    EXPECT_FALSE(check_api_keys({""}));
    EXPECT_FALSE(check_api_keys({"sha256:"}));
    EXPECT_THAT(check_api_keys({std::string(kSecretDigest) + "0"}).error().message,
                HasSubstr("64 hex digits"));
}

TEST(ApiKeyDigests, OpenTheServer) {
    ServedOptions options;
    options.api_keys = {kSecretDigest};
    const ServedWorld served(options);
    EXPECT_EQ(served.client().get("/agents", {{"x-api-key", "secret"}}).status, 200);
    EXPECT_EQ(served.client().get("/agents", {{"x-api-key", kSecretDigest}}).status, 401);
}

}  // namespace
}  // namespace kvasir::test
