#include "memory/utf8.h"

#include <cstdint>

namespace kvasir {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

unsigned char byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// Bytes of the character that begins with `first`; 0: no character begins so.
std::size_t character_bytes(unsigned char first) {
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    if (first >= 0xF0 && first <= 0xF4) return 4;
    return 0;
}

// Whether the second byte keeps out overlong forms, surrogates and what lies beyond U+10FFFF.
bool second_fits(unsigned char first, unsigned char second) {
    if (first == 0xE0) return second >= 0xA0 && second <= 0xBF;
    if (first == 0xED) return second >= 0x80 && second <= 0x9F;
    if (first == 0xF0) return second >= 0x90 && second <= 0xBF;
    if (first == 0xF4) return second >= 0x80 && second <= 0x8F;
    return second >= 0x80 && second <= 0xBF;
}

enum class Prefix { kComplete, kUnfinished, kInvalid };

struct Character {
    Prefix prefix = Prefix::kInvalid;
    std::size_t bytes = 1;  // of the character, or to skip when invalid
};

Character first_character(std::string_view text) {
    const unsigned char first = byte_at(text, 0);
    const std::size_t bytes = character_bytes(first);
    if (bytes == 0) return {Prefix::kInvalid, 1};
    for (std::size_t i = 1; i < bytes; ++i) {
        if (i == text.size()) return {Prefix::kUnfinished, bytes};
        const unsigned char next = byte_at(text, i);
        if (i == 1 ? !second_fits(first, next) : (next & 0xC0U) != 0x80) return {Prefix::kInvalid, i};
    }
    return {Prefix::kComplete, bytes};
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const Character character = first_character(text);
        if (character.prefix != Prefix::kComplete) return false;
        text.remove_prefix(character.bytes);
    }
    return true;
}

std::string Utf8Stream::push(std::string_view bytes) {
    held_ += bytes;
    std::string complete;
    std::string_view rest = held_;
    while (!rest.empty()) {
        const Character character = first_character(rest);
        if (character.prefix == Prefix::kUnfinished) break;
        complete += character.prefix == Prefix::kComplete ? rest.substr(0, character.bytes) : kReplacement;
        rest.remove_prefix(character.bytes);
    }
    held_ = std::string(rest);
    return complete;
}

std::string Utf8Stream::finish() {
    if (held_.empty()) return "";
    held_.clear();
    return std::string(kReplacement);
}

}  // namespace kvasir
