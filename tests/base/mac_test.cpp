// HMAC-SHA-256 against the vectors of RFC 4231.
#include "base/mac.h"

#include <string>

#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(Hmac256, GivesWhatTheStandardSays) {
    const std::string key = "Jefe";
    const std::string data = "what do ya want for nothing?";
    Hmac256 mac(bytes_of(key));
    const Digest256 whole = mac.of({bytes_of(data)});
    EXPECT_EQ(whole.hex(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    const std::string first = data.substr(0, 5);
    const std::string rest = data.substr(5);
    EXPECT_EQ(mac.of({bytes_of(first), bytes_of(rest)}), whole) << "begun anew each time";
    const std::string long_key(131, '\xaa');
    const std::string hashed = "Test Using Larger Than Block-Size Key - Hash Key First";
    Hmac256 other(bytes_of(long_key));
    EXPECT_EQ(other.of({bytes_of(hashed)}).hex(),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac256, DigestsAreTheSameOrNot) {
    Digest256 a;
    Digest256 b;
    EXPECT_TRUE(same_digest(a, b));
    b.bytes[31] = 1;
    EXPECT_FALSE(same_digest(a, b));
}

}  // namespace
}  // namespace kvasir::test
