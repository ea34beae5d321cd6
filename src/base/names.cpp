#include "base/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.h"

namespace kvasir {

namespace {

constexpr std::size_t kPrintableBytesMax = 60;

bool is_letter_or_digit(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_name_character(char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; }

}  // namespace

std::string printable(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, kPrintableBytesMax)) {
        if (c >= 0x20 && c <= 0x7e && c != '\'' && c != '\\') {
            out += c;
        } else {
            out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
    out += '\'';
    if (text.size() > kPrintableBytesMax) out += fmt::format("... ({} bytes)", text.size());
    return out;
}

Status check_agent_name(std::string_view name) {
    static constexpr const char* kRule =
        "a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or a digit";
    if (name.empty())
        return fail(ErrorCode::kInvalidArgument, fmt::format("the agent's name is empty: {}", kRule));
    const bool good = name.size() <= kAgentNameBytesMax && is_letter_or_digit(name.front()) &&
                      std::all_of(name.begin(), name.end(), is_name_character);
    if (!good) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{} is no agent name: {}", printable(name), kRule));
    }
    return {};
}

}  // namespace kvasir
