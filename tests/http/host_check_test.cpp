// Which Host and Origin pass.
#include "http/host_check.h"

#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

AccessRules plain_rules(const std::vector<std::string>& hosts = {},
                        const std::vector<std::string>& origins = {}) {
    return make_access_rules("192.168.1.5", hosts, origins, false);
}

TEST(HostCheck, LoopbackAndTheBoundHostPass) {
    const AccessRules rules = plain_rules();
    for (const char* good :
         {"localhost", "LocalHost:8080", "localhost.", "127.0.0.1", "127.0.0.1:80", "127.1.2.3", "[::1]",
          "[::1]:8080", "[0:0:0:0:0:0:0:1]", "192.168.1.5", "192.168.1.5:9"}) {
        EXPECT_TRUE(host_is_allowed(rules, good)) << good;
    }
}

TEST(HostCheck, OthersDoNot) {
    const AccessRules rules = plain_rules();
    for (const char* bad : {"",
                            "example.org",
                            "localhost.example.org",
                            "localhost@example.org",
                            "127.0.0.1.example.org",
                            "192.168.1.6",
                            "::1",
                            "[::2]",
                            "[::1",
                            "[localhost]",
                            "[::1]x",
                            "localhost:",
                            "localhost:x",
                            "localhost:80:80",
                            "localhost:99999",
                            "localhost:-1",
                            "localhost localhost",
                            "local\thost",
                            "*",
                            "0",
                            "2130706433",
                            "127.1",
                            "0x7f.0.0.1",
                            "..",
                            "."}) {
        EXPECT_FALSE(host_is_allowed(rules, bad)) << bad;
    }
}

TEST(HostCheck, ListedHostsPass) {
    const AccessRules rules = plain_rules({"Kvasir.Example.ORG", "with-port.example.org:8443"});
    EXPECT_TRUE(host_is_allowed(rules, "kvasir.example.org"));
    EXPECT_TRUE(host_is_allowed(rules, "KVASIR.example.org:1234"));
    EXPECT_TRUE(host_is_allowed(rules, "with-port.example.org:8443"));
    EXPECT_FALSE(host_is_allowed(rules, "with-port.example.org:8444"));
    EXPECT_FALSE(host_is_allowed(rules, "other.example.org"));
    EXPECT_TRUE(host_is_allowed(plain_rules({"*"}), "anything at all"));
}

TEST(OriginCheck, SameOriginNeedsSameHostAndPort) {
    const AccessRules rules = plain_rules();
    EXPECT_EQ(judge_origin(rules, "http://localhost:8080", "localhost:8080"), OriginVerdict::kSameOrigin);
    EXPECT_EQ(judge_origin(rules, "http://LOCALHOST", "localhost:80"), OriginVerdict::kSameOrigin);
    EXPECT_EQ(judge_origin(rules, "http://[::1]:8080", "[::1]:8080"), OriginVerdict::kSameOrigin);
    EXPECT_EQ(judge_origin(rules, "https://localhost", "localhost"),
              OriginVerdict::kSameOrigin);  // TLS by a proxy
    for (const char* bad :
         {"http://localhost:8081", "http://localhost", "http://127.0.0.1:8080", "null", "", "localhost:8080",
          "file://", "ftp://localhost:8080", "http://localhost:8080.example.org", "http://localhost:8080/"}) {
        EXPECT_EQ(judge_origin(rules, bad, "localhost:8080"), OriginVerdict::kForeign) << bad;
    }
    AccessRules encrypted = rules;
    encrypted.encrypted = true;
    EXPECT_EQ(judge_origin(encrypted, "http://localhost:8080", "localhost:8080"), OriginVerdict::kForeign);
    EXPECT_EQ(judge_origin(encrypted, "https://localhost:8080", "localhost:8080"),
              OriginVerdict::kSameOrigin);
}

TEST(OriginCheck, ListedOriginsPass) {
    const AccessRules rules = plain_rules({}, {"https://App.example.org", "null"});
    EXPECT_EQ(judge_origin(rules, "https://app.example.org", "localhost"), OriginVerdict::kAllowed);
    EXPECT_EQ(judge_origin(rules, "null", "localhost"), OriginVerdict::kAllowed);
    EXPECT_EQ(judge_origin(rules, "http://app.example.org", "localhost"), OriginVerdict::kForeign);
    EXPECT_EQ(judge_origin(rules, "https://app.example.org:444", "localhost"), OriginVerdict::kForeign);
    EXPECT_EQ(judge_origin(plain_rules({}, {"*"}), "https://any.example", "localhost"),
              OriginVerdict::kAllowed);
}

}  // namespace
}  // namespace kvasir::test
