// System text of clients that write volatile lines into it: lines that change from request to request would
// break the prefix of every prompt. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvasir {

struct SystemText {
    std::string text;
    std::vector<std::string> lines_stripped;  // names, e.g. "x-anthropic-billing-header"
};

// Takes out every line that begins like "x-anthropic-...:".
SystemText strip_client_lines(std::string_view text);

}  // namespace kvasir
