// Bytes that others wrote, read at any place: a file of the user's, or the body of a request. Pieces are read
// when they are wanted, so nobody holds a large file in memory. An object belongs to one thread at a time; it
// may block on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace kvasir {

class ByteSource {
  public:
    virtual ~ByteSource() = default;
    virtual std::uint64_t size() const = 0;  // when it was opened
    // Exactly out.size() bytes. kIo: they are not there (any more).
    virtual Status read_at(std::uint64_t offset, std::span<std::byte> out) = 0;
};

// Follows links. kNotFound; kIo unless it is a regular file that may be read.
Result<std::unique_ptr<ByteSource>> open_byte_source(const std::string& path);
std::unique_ptr<ByteSource> make_byte_source(std::string bytes);

}  // namespace kvasir
