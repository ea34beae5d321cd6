#include "base/hash.h"

#include <bit>
#include <cstdlib>
#include <cstring>

#include <openssl/evp.h>
#include <xxhash.h>
#ifdef KVASIR_XXHASH_DISPATCHES
#include <xxh_x86dispatch.h>  // the same names and the same hashes, by what the processor has
#endif

#include "base/log.h"

namespace kvasir {

namespace {

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

bool parse_hex(std::string_view hex, std::span<std::uint8_t> out) {
    if (hex.size() != 2 * out.size()) return false;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = nibble(hex[2 * i]);
        const int low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return true;
}

// OpenSSL fails here only when it is out of memory or broken. A wrong digest would name one agent's words
// with another's name, so the process ends instead, in optimised builds too.
void require(bool succeeded) {
    if (succeeded) return;
    log(LogLevel::kError, "sha256_failed", "OpenSSL cannot compute SHA-256");
    std::abort();
}

// Little endian on every machine, so that a name means the same everywhere.
template <class T>
std::array<std::uint8_t, sizeof(T)> little_endian(T value) {
    std::array<std::uint8_t, sizeof(T)> bytes{};
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
    }
    return bytes;
}

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (const std::uint8_t byte : bytes) {
        hex += kDigits[byte >> 4U];
        hex += kDigits[byte & 15U];
    }
    return hex;
}

std::string Digest256::hex() const { return to_hex(bytes); }

std::optional<Digest256> Digest256::from_hex(std::string_view hex) {
    Digest256 digest;
    if (!parse_hex(hex, digest.bytes)) return std::nullopt;
    return digest;
}

std::size_t Digest256Hash::operator()(const Digest256& digest) const {
    std::size_t value = 0;
    std::memcpy(&value, digest.bytes.data(), sizeof(value));
    return value;
}

struct Sha256::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { EVP_MD_CTX_free(context); }
    void update(const void* bytes, std::size_t size) { require(EVP_DigestUpdate(context, bytes, size) == 1); }
    void length(std::uint64_t value) {
        const auto bytes = little_endian(value);
        update(bytes.data(), bytes.size());
    }
    void text(std::string_view value) {
        length(value.size());
        update(value.data(), value.size());
    }
};

Sha256::Sha256(std::string_view domain) : state_(std::make_unique<State>()) {
    require(state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
    if (!domain.empty()) state_->text(domain);
}

Sha256::~Sha256() = default;

Sha256& Sha256::field(std::string_view tag, std::string_view value) {
    state_->text(tag);
    state_->text(value);
    return *this;
}

Sha256& Sha256::field(std::string_view tag, const Digest256& value) {
    state_->text(tag);
    state_->length(value.bytes.size());
    state_->update(value.bytes.data(), value.bytes.size());
    return *this;
}

Sha256& Sha256::field(std::string_view tag, std::uint64_t value) {
    state_->text(tag);
    state_->length(sizeof(value));
    state_->length(value);
    return *this;
}

Sha256& Sha256::field(std::string_view tag, std::span<const Token> tokens) {
    state_->text(tag);
    state_->length(tokens.size() * sizeof(Token));
    if constexpr (std::endian::native == std::endian::little) {
        state_->update(tokens.data(), tokens.size_bytes());
    } else {
        for (const Token token : tokens) {
            const auto bytes = little_endian(static_cast<std::uint32_t>(token));
            state_->update(bytes.data(), bytes.size());
        }
    }
    return *this;
}

Sha256& Sha256::raw(std::span<const std::byte> bytes) {
    state_->update(bytes.data(), bytes.size());
    return *this;
}

Digest256 Sha256::finish() {
    Digest256 digest;
    unsigned int size = 0;
    require(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size) == 1 &&
            size == digest.bytes.size());
    return digest;
}

std::string Checksum128::hex() const {
    std::array<std::uint8_t, 16> bytes{};
    const auto high_bytes = little_endian(high);
    const auto low_bytes = little_endian(low);
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[i] = high_bytes[7 - i];
        bytes[8 + i] = low_bytes[7 - i];
    }
    return to_hex(bytes);
}

std::optional<Checksum128> Checksum128::from_hex(std::string_view hex) {
    std::array<std::uint8_t, 16> bytes{};
    if (!parse_hex(hex, bytes)) return std::nullopt;
    Checksum128 sum;
    for (std::size_t i = 0; i < 8; ++i) {
        sum.high = sum.high << 8U | bytes[i];
        sum.low = sum.low << 8U | bytes[8 + i];
    }
    return sum;
}

Checksum128 frame_checksum(const Digest256& file_name, std::uint64_t frame_index,
                           std::span<const std::byte> bytes) {
    // The seed carries what the frame belongs to, so that a frame that is right in itself fails in another
    // place.
    std::array<std::uint8_t, 40> binding{};
    std::memcpy(binding.data(), file_name.bytes.data(), 32);
    const auto index = little_endian(frame_index);
    std::memcpy(binding.data() + 32, index.data(), 8);
    const XXH64_hash_t seed = XXH3_64bits(binding.data(), binding.size());
    const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
    return {hash.low64, hash.high64};
}

}  // namespace kvasir
