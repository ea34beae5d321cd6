// Files that others own and that we only read: models. Links are followed, since model caches are made of
// them; the store's own files go through file_system.h, which follows none. Pure reads, any thread; may block
// on the disk. Errors: kNotFound, or kIo, each naming the path and the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"

namespace kvasir {

struct ForeignFile {
    std::uint64_t size_bytes = 0;
    // Device, inode, size, mtime and ctime: whoever writes to the file or replaces it changes this.
    std::string identity;
};

Result<ForeignFile> look_at_foreign_file(const std::string& path);  // kIo unless it is a regular file

// Hands out the whole content, part by part, until it ends or `on_part` wants no more.
enum class ReadOn { kNo, kYes };
Status read_foreign_file(const std::string& path, std::size_t part_bytes,
                         const std::function<ReadOn(std::span<const std::byte>)>& on_part);

}  // namespace kvasir
