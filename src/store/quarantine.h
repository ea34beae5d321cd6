// What lies in a store's quarantine: files that failed verification, each with its reason beside it.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace kvasir {

// Both kinds of file. No directory, no files.
Result<std::vector<FileInfo>> list_quarantine(FileSystem& file_system, const std::string& root);

bool is_reason(const FileInfo& file);  // not a block, but why one is there

std::uint64_t count_quarantined(const std::vector<FileInfo>& files);  // without the reasons

}  // namespace kvasir
