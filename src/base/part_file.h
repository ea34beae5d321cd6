// A file that grows as it comes from elsewhere, and takes its place when it is whole. What came stays when
// the process ends, so that it can be gone on with. One thread; the object owns the open file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace kvasir {

class PartFile {
  public:
    // Opens what is there, or makes it, mode 0600. Links are not followed.
    static Result<std::unique_ptr<PartFile>> open(const std::string& path);
    ~PartFile();
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;

    std::uint64_t size() const { return size_; }
    const std::string& path() const { return path_; }
    // kNoSpace, kIo. What was written before stays.
    Status append(std::span<const std::byte> bytes);
    Status start_over();
    // Synced, renamed to `target`, and the rename synced.
    Status put_in_place(const std::string& target);
    Status remove();

  private:
    PartFile(std::string path, int descriptor, std::uint64_t size)
        : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

    std::string path_;
    int descriptor_;
    std::uint64_t size_;
};

}  // namespace kvasir
