#include "server/api_keys.h"

#include <algorithm>
#include <cctype>

namespace kvasir {

namespace {

Digest256 digest_of(std::string_view key) {
    Sha256 hash("kvasir.api_key.v1");
    hash.field("key", key);
    return hash.finish();
}

// Looks at every byte whatever it finds: how long it takes tells nothing about the key.
bool equal(const Digest256& a, const Digest256& b) {
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.bytes.size(); ++i)
        difference |= static_cast<unsigned>(a.bytes[i] ^ b.bytes[i]);
    return difference == 0;
}

std::string_view bearer_of(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (authorization.size() <= kScheme.size()) return {};
    const bool bearer =
        std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [](char want, char have) {
            return want == static_cast<char>(std::tolower(static_cast<unsigned char>(have)));
        });
    return bearer ? authorization.substr(kScheme.size()) : std::string_view();
}

}  // namespace

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) digests_.push_back(digest_of(key));
}

KeyCheck ApiKeys::check(const HttpRequest& request) const {
    if (digests_.empty()) return KeyCheck::kOpen;
    std::string_view key = bearer_of(request.header("authorization").value_or(""));
    if (key.empty()) key = request.header("x-api-key").value_or("");
    if (key.empty()) return KeyCheck::kMissing;
    const Digest256 given = digest_of(key);
    bool found = false;
    for (const Digest256& digest : digests_) found = equal(digest, given) || found;
    return found ? KeyCheck::kRight : KeyCheck::kWrong;
}

}  // namespace kvasir
