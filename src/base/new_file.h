// A new file of the user's, written piece by piece: it has its name only when it is complete and durable, and
// never takes the place of another. What is not finished is removed. The store's own files go through
// file_system.h. One thread; may block on the disk.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace kvasir {

class NewFile {
  public:
    // kConflict: there is a file of that name. Mode 0600.
    static Result<std::unique_ptr<NewFile>> create(const std::string& path);
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    Status append(std::span<const std::byte> bytes);
    Status finish();  // kConflict: somebody made a file of that name meanwhile

  private:
    NewFile(std::string path, std::string partial, int descriptor);

    std::string path_;
    std::string partial_;  // where it lies until then
    int descriptor_;
};

}  // namespace kvasir
