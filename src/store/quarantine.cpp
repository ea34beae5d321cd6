#include "store/quarantine.h"

#include <algorithm>

#include "store/paths.h"

namespace kvasir {

Result<std::vector<FileInfo>> list_quarantine(FileSystem& file_system, const std::string& root) {
    Result<std::vector<FileInfo>> files = file_system.list(quarantine_path(root));
    if (!files && files.error().code == ErrorCode::kNotFound) return std::vector<FileInfo>();
    return files;
}

bool is_reason(const FileInfo& file) { return file.name.ends_with(".reason"); }

std::uint64_t count_quarantined(const std::vector<FileInfo>& files) {
    return static_cast<std::uint64_t>(
        std::count_if(files.begin(), files.end(), [](const FileInfo& file) { return !is_reason(file); }));
}

}  // namespace kvasir
