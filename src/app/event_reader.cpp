#include "app/event_reader.h"

#include <utility>

namespace kvasir {

Status EventReader::push(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        rest_.append(bytes.substr(0, end));
        if (rest_.size() + event_.data.size() > bytes_max_)
            return fail(ErrorCode::kUnavailable, "an event of the server is too long");
        if (end == std::string_view::npos) return {};
        bytes.remove_prefix(end + 1);
        if (rest_.ends_with('\r')) rest_.pop_back();
        KVASIR_TRY(take_line(std::exchange(rest_, {})));
    }
    return {};
}

Status EventReader::take_line(std::string_view line) {
    if (line.empty()) {
        const ServerEvent event = std::exchange(event_, {});
        return event.data.empty() ? Status() : sink_(event);
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    // A line that begins with a colon is a comment: somebody is still there.
    if (field == "event") event_.name = value;
    if (field == "data") event_.data += (event_.data.empty() ? "" : "\n") + std::string(value);
    return {};
}

}  // namespace kvasir
