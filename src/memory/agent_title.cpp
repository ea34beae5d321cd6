#include "memory/agent_title.h"

#include <algorithm>
#include <string_view>

namespace kvasir {

namespace {

constexpr std::size_t kTitleBytesMax = 60;
constexpr std::string_view kCut = "\xE2\x80\xA6";  // an ellipsis
constexpr std::string_view kSpaces = " \t\r\n\v\f";

bool is_tag_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    });
}

std::string_view without_leading_spaces(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
    return text;
}

// "<a>...</a> rest" gives "rest"; a text that is no such thing stays.
std::string_view without_leading_tags(std::string_view text) {
    for (;;) {
        text = without_leading_spaces(text);
        const std::size_t end = text.find('>');
        if (text.empty() || text.front() != '<' || end == std::string_view::npos) return text;
        const std::string_view name = text.substr(1, end - 1);
        if (!is_tag_name(name)) return text;
        const std::string closing = "</" + std::string(name) + ">";
        const std::size_t close = text.find(closing, end);
        if (close == std::string_view::npos) return text;
        text.remove_prefix(close + closing.size());
    }
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string in_one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool space = byte <= 0x20 || byte == 0x7F;
        if (!space) line += c;
        if (space && !line.empty() && line.back() != ' ') line += ' ';
        if (line.size() > kTitleBytesMax + 4) break;  // longer than any title, by a whole character
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

}  // namespace

std::string title_of(std::span<const ChatMessage> messages) {
    for (const ChatMessage& message : messages) {
        if (message.role != Role::kUser) continue;
        std::string title = in_one_line(without_leading_tags(message.content));
        if (title.empty()) continue;
        if (title.size() <= kTitleBytesMax) return title;
        std::size_t end = kTitleBytesMax - kCut.size();
        while (end > 0 && continues_character(title[end])) --end;
        title.resize(end);
        while (!title.empty() && title.back() == ' ') title.pop_back();
        return title + std::string(kCut);
    }
    return {};
}

}  // namespace kvasir
