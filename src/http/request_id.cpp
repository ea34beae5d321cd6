#include "http/request_id.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

#include <openssl/rand.h>

namespace kvasir {
namespace {

constexpr std::size_t kRequestIdLengthMax = 128;
constexpr std::size_t kRequestIdBytes = 16;

bool is_id_character(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    return letter || digit || c == '.' || c == '_' || c == ':' || c == '-';
}

}  // namespace

bool is_usable_request_id(std::string_view id) {
    return !id.empty() && id.size() <= kRequestIdLengthMax &&
           std::all_of(id.begin(), id.end(), is_id_character);
}

std::string make_request_id() {
    std::array<std::uint8_t, kRequestIdBytes> bytes{};
    const bool made = RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
    if (!made) std::generate(bytes.begin(), bytes.end(), std::random_device());
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string id;
    id.reserve(2 * kRequestIdBytes);
    for (const std::uint8_t byte : bytes) {
        id.push_back(kDigits[byte >> 4U]);
        id.push_back(kDigits[byte & 0xFU]);
    }
    return id;
}

}  // namespace kvasir
