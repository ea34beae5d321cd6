#include "base/mac.h"

#include <array>
#include <cstdlib>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/log.h"

namespace kvasir {

namespace {

// As for hashes: OpenSSL fails here only when it is out of memory or broken.
void require(bool succeeded) {
    if (succeeded) return;
    log(LogLevel::kError, "hmac_failed", "OpenSSL cannot compute HMAC-SHA-256");
    std::abort();
}

}  // namespace

struct Hmac256::State {
    EVP_MAC* kind = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* context = kind != nullptr ? EVP_MAC_CTX_new(kind) : nullptr;
    std::vector<unsigned char> key;
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        EVP_MAC_CTX_free(context);
        EVP_MAC_free(kind);
    }
};

Hmac256::Hmac256(std::span<const std::byte> key) : state_(std::make_unique<State>()) {
    char digest[] = "SHA256";
    const std::array<OSSL_PARAM, 2> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    const auto* begin = reinterpret_cast<const unsigned char*>(key.data());
    state_->key.assign(begin, begin + key.size());
    require(state_->context != nullptr && EVP_MAC_CTX_set_params(state_->context, parameters.data()) == 1);
}

Hmac256::~Hmac256() = default;

Digest256 Hmac256::of(std::initializer_list<std::span<const std::byte>> parts) {
    require(EVP_MAC_init(state_->context, state_->key.data(), state_->key.size(), nullptr) == 1);
    for (const std::span<const std::byte> part : parts) {
        require(EVP_MAC_update(state_->context, reinterpret_cast<const unsigned char*>(part.data()),
                               part.size()) == 1);
    }
    Digest256 digest;
    std::size_t size = 0;
    require(EVP_MAC_final(state_->context, digest.bytes.data(), &size, digest.bytes.size()) == 1 &&
            size == digest.bytes.size());
    return digest;
}

bool same_digest(const Digest256& a, const Digest256& b) {
    return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

}  // namespace kvasir
