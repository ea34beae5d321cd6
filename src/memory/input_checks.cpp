#include "memory/input_checks.h"

#include "base/limits.h"
#include "memory/utf8.h"

namespace kvasir {

namespace {

Status check_bytes(std::string_view text, const std::string& what, std::size_t bytes_max) {
    if (text.size() > bytes_max) {
        return fail(ErrorCode::kInvalidArgument, what + " has " + std::to_string(text.size()) +
                                                     " bytes; at most " + std::to_string(bytes_max) +
                                                     " are allowed");
    }
    if (text.find('\0') != std::string_view::npos) {
        return fail(ErrorCode::kInvalidArgument, what + " contains a NUL byte");
    }
    if (!is_valid_utf8(text)) return fail(ErrorCode::kInvalidArgument, what + " is not valid UTF-8");
    return {};
}

}  // namespace

Status check_text(std::string_view text, const std::string& what) {
    return check_bytes(text, what, kMessageBytesMax);
}

Status check_agent_type(std::string_view type) {
    return check_bytes(type, "the agent's type", kAgentTypeBytesMax);
}

Status check_agent_title(std::string_view title) {
    return check_bytes(title, "the agent's title", kAgentTitleBytesMax);
}

}  // namespace kvasir
