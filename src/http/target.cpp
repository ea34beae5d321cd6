#include "http/target.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace kvasir {
namespace {

enum class PlusIs { kPlus, kSpace };

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> percent_decode(std::string_view text, PlusIs plus) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == PlusIs::kSpace) {
            decoded.push_back(' ');
        } else if (text[i] != '%') {
            decoded.push_back(text[i]);
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            decoded.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        }
    }
    return decoded;
}

// Length of the UTF-8 sequence that starts with `lead`, 0 when none does.
std::size_t sequence_length(std::uint8_t lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

// The second byte rules out overlong forms, surrogates and what lies beyond U+10FFFF.
bool second_byte_fits(std::uint8_t lead, std::uint8_t second) {
    if (lead == 0xE0) return second >= 0xA0;
    if (lead == 0xED) return second <= 0x9F;
    if (lead == 0xF0) return second >= 0x90;
    if (lead == 0xF4) return second <= 0x8F;
    return true;
}

bool is_utf8(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = sequence_length(byte(i));
        if (length == 0 || i + length > text.size()) return false;
        if (length > 1 && !second_byte_fits(byte(i), byte(i + 1))) return false;
        for (std::size_t k = 1; k < length; ++k) {
            if ((byte(i + k) & 0xC0U) != 0x80U) return false;
        }
        i += length;
    }
    return true;
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F; });
}

Result<std::string> decode_path(std::string_view raw) {
    std::optional<std::string> path = percent_decode(raw, PlusIs::kPlus);
    if (!path) return fail(ErrorCode::kInvalidArgument, "the path has a broken %-encoding");
    if (has_control_character(*path))
        return fail(ErrorCode::kInvalidArgument, "the path has a control character");
    if (!is_utf8(*path)) return fail(ErrorCode::kInvalidArgument, "the path is not UTF-8");
    return std::move(*path);
}

Result<std::string> decode_query_part(std::string_view raw) {
    std::optional<std::string> text = percent_decode(raw, PlusIs::kSpace);
    if (!text) return fail(ErrorCode::kInvalidArgument, "the query has a broken %-encoding");
    if (text->find('\0') != std::string::npos)
        return fail(ErrorCode::kInvalidArgument, "the query has a NUL");
    if (!is_utf8(*text)) return fail(ErrorCode::kInvalidArgument, "the query is not UTF-8");
    return std::move(*text);
}

Result<HttpHeaders> decode_query(std::string_view raw) {
    HttpHeaders pairs;
    while (!raw.empty()) {
        const std::string_view pair = raw.substr(0, raw.find('&'));
        raw.remove_prefix(std::min(raw.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        const std::string_view raw_value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
        KVASIR_TRY_ASSIGN(std::string name, decode_query_part(pair.substr(0, equals)));
        KVASIR_TRY_ASSIGN(std::string value, decode_query_part(raw_value));
        pairs.emplace_back(std::move(name), std::move(value));
    }
    return pairs;
}

// "http://host/path" becomes "/path"; the authority is what the Host check must see too.
std::string_view take_authority(std::string_view& target) {
    for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
        if (target.substr(0, scheme.size()) != scheme) continue;
        target.remove_prefix(scheme.size());
        const std::string_view authority = target.substr(0, target.find_first_of("/?"));
        target.remove_prefix(authority.size());
        return authority;
    }
    return {};
}

}  // namespace

Result<HttpTarget> parse_target(std::string_view target) {
    HttpTarget parsed;
    const bool absolute_form = target.empty() || target.front() != '/';
    parsed.authority = take_authority(target);
    if (absolute_form && parsed.authority.empty()) {
        return fail(ErrorCode::kInvalidArgument, "the target of the request line must be a path");
    }
    if (target.find('#') != std::string_view::npos) {
        return fail(ErrorCode::kInvalidArgument, "the target of the request line has a '#'");
    }
    const std::size_t question = target.find('?');
    const std::string_view raw_path = target.substr(0, question);
    KVASIR_TRY_ASSIGN(parsed.path, decode_path(raw_path.empty() ? "/" : raw_path));
    if (question != std::string_view::npos) {
        KVASIR_TRY_ASSIGN(parsed.query, decode_query(target.substr(question + 1)));
    }
    return parsed;
}

}  // namespace kvasir
