// The file of --api-key-file: a key, or "sha256:" and its digest, per line. Empty lines and those that begin
// with # say nothing. Blocks on the disk; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace kvasir {

// kNotFound, kIo: it cannot be read. kInvalidArgument: there is no key in it.
Result<std::vector<std::string>> read_api_keys(const std::string& path);

}  // namespace kvasir
