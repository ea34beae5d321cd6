// The file system as the store sees it; the only way in which the store touches files (SQLite's own file
// excepted).
//
// Two implementations: PosixFileSystem (production) and FaultFileSystem (tests: in memory, fails any call,
// forgets what was not synced). Every call may block on the disk. Thread-safe: calls on different paths from
// any thread. Errors: kNoSpace for ENOSPC/EDQUOT, kNotFound for ENOENT, kIo for the rest, each naming the
// path and the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace kvasir {

// Held for the life of the process; the lock goes when the object does.
class FileLock {
  public:
    virtual ~FileLock() = default;
};

struct FileInfo {
    std::string name;  // without the directory
    std::uint64_t size_bytes = 0;
    std::int64_t modified_ms = 0;
};

class FileSystem {
  public:
    virtual ~FileSystem() = default;

    // Creates a file that must not exist, writes all bytes, syncs it, closes it. Mode 0600. On error nothing
    // of it is left (removal is tried). A failed sync is final: the caller writes a new file under a new
    // name.
    virtual Status write_new_synced(const std::string& path,
                                    std::span<const std::span<const std::byte>> parts) = 0;
    virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
    virtual Status sync_directory(const std::string& path) = 0;
    virtual Status remove(const std::string& path) = 0;  // kNotFound when it is not there

    // Reads exactly out.size() bytes at offset; fewer on disk is kDamaged ("truncated").
    virtual Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) = 0;
    virtual Result<std::uint64_t> file_size(const std::string& path) = 0;
    // Regular files, sorted by name.
    virtual Result<std::vector<FileInfo>> list(const std::string& directory) = 0;

    // Creates missing parents too, mode 0700, and syncs the parents of what it made.
    virtual Status make_directories(const std::string& path) = 0;
    virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;

    // Exclusive advisory lock on a file (created if missing, holder's pid written into it). kStoreInUse when
    // held elsewhere; the message carries what the file says about the holder.
    virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

std::unique_ptr<FileSystem> make_posix_file_system();

}  // namespace kvasir
