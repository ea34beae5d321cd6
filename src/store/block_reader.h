// One stored block, read and verified in parts of whole frames. Made by BlockFiles::open(), which has
// verified all but the rows; its file system outlives it. Thread-safe as far as that is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/file_system.h"
#include "base/limits.h"
#include "base/result.h"
#include "store/kv_file.h"

namespace kvasir {

class BlockReader {
  public:
    BlockReader(FileSystem& file_system, std::string path, DecodedHeader header)
        : file_system_(&file_system), path_(std::move(path)), header_(std::move(header)) {}

    std::uint64_t image_bytes() const { return header_.spec.image_bytes(); }
    // The bytes of the row image from `number` times kRowPartBytes on, so many or as far as it goes, in
    // `buffer`, which has room for so many. kDamaged: a checksum is another.
    Result<std::span<const std::byte>> part(std::uint64_t number, std::span<std::byte> buffer) const;

  private:
    FileSystem* file_system_;
    std::string path_;
    DecodedHeader header_;
};

}  // namespace kvasir
