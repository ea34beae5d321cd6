#include "app/api_key_file.h"

#include <sstream>

#include "base/foreign_file.h"

namespace kvasir {

namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

}  // namespace

Result<std::vector<std::string>> read_api_keys(const std::string& path) {
    KVASIR_TRY_ASSIGN(const ForeignFile file, look_at_foreign_file(path));
    if (file.size_bytes > kFileBytesMax)
        return fail(ErrorCode::kInvalidArgument,
                    "the file of API keys " + path + " is no such file: too large");
    std::string text;
    KVASIR_TRY(read_foreign_file(path, kFileBytesMax, [&](std::span<const std::byte> part) {
        text.append(static_cast<const char*>(static_cast<const void*>(part.data())), part.size());
        return ReadOn::kYes;
    }));
    std::vector<std::string> keys;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string::npos || line[begin] == '#') continue;
        keys.push_back(line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1));
    }
    if (keys.empty())
        return fail(ErrorCode::kInvalidArgument, "there is no API key in " + path + ": write one per line");
    return keys;
}

}  // namespace kvasir
