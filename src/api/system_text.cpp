#include "api/system_text.h"

#include <algorithm>

namespace kvasir {

namespace {

constexpr std::string_view kPrefix = "x-anthropic-";
constexpr std::size_t kNameBytesMax = 128;

char lower(char character) {
    return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a') : character;
}

bool is_name_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') ||
           character == '-' || character == '_';
}

// The header that the line looks like, in lower case; "" none.
std::string header_name(std::string_view line) {
    std::string start(line.substr(0, kNameBytesMax));
    std::transform(start.begin(), start.end(), start.begin(), lower);
    if (start.rfind(kPrefix, 0) != 0) return {};
    const std::size_t colon = start.find(':');
    if (colon == std::string::npos || colon == kPrefix.size()) return {};
    start.resize(colon);
    return std::all_of(start.begin(), start.end(), is_name_character) ? start : std::string();
}

}  // namespace

SystemText strip_client_lines(std::string_view text) {
    SystemText out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
        if (std::string name = header_name(line); name.empty()) {
            out.text += line;
        } else {
            out.lines_stripped.push_back(std::move(name));
        }
        text.remove_prefix(line.size());
    }
    return out;
}

}  // namespace kvasir
