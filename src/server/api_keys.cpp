#include "server/api_keys.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <span>

namespace kvasir {

namespace {

constexpr std::string_view kDigestMark = "sha256:";

// As `sha256sum` has it.
Digest256 digest_of(std::string_view key) {
    Sha256 hash("");
    hash.raw(std::as_bytes(std::span(key)));
    return hash.finish();
}

// Nothing: it is no digest.
std::optional<Digest256> given_digest(std::string_view key) {
    if (!key.starts_with(kDigestMark)) return std::nullopt;
    return Digest256::from_hex(key.substr(kDigestMark.size()));
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

Status check_api_keys(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
        if (key.empty()) return fail(ErrorCode::kInvalidArgument, "an API key is empty: leave it out");
        if (key.starts_with(kDigestMark) && !given_digest(key)) {
            return fail(ErrorCode::kInvalidArgument,
                        "an API key that begins with sha256: has the 64 hex digits of its SHA-256 after it, "
                        "as `printf %s KEY | sha256sum` prints them");
        }
    }
    return {};
}

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
        const auto digest = given_digest(key);
        digests_.push_back(digest ? *digest : digest_of(key));
    }
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
