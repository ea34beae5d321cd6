// A file system in memory that fails on demand, counts what it is asked, and knows what a power cut leaves:
// of every directory the entries of its last sync, and of what came after, any part. It keeps the contract of
// FileSystem, so contents are durable when write_new_synced() returns, but their names only when the
// directory was synced.
//
// Owned by a test. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace kvasir::test {

enum class FileCall {
    kWrite,
    kRename,
    kSyncDirectory,
    kRemove,
    kRead,
    kFileSize,
    kList,
    kMakeDirectories,
    kFreeBytes,
    kLock,
};
inline constexpr std::size_t kFileCallKinds = 10;

enum class FaultRepeat { kOnce, kForever };

// What a failing write leaves behind: nothing (the process lives and cleans up), or half a file (it died
// right there).
enum class FaultLeaves { kNothing, kTornFile };

struct FileFault {
    std::uint64_t nth = 1;  // from 1, among the calls that come after fail(); 0: none
    ErrorCode code = ErrorCode::kIo;
    FaultRepeat repeat = FaultRepeat::kOnce;
    std::optional<FileCall> only = {};  // only calls of this kind count and fail
    FaultLeaves leaves = FaultLeaves::kNothing;
};

// Outlives the file system when a lock does.
struct LockedPaths {
    std::mutex mutex;
    std::set<std::string> paths;
};

class FaultFileSystem final : public FileSystem {
  public:
    FaultFileSystem();

    void fail(const FileFault& fault);
    void heal() { fail({.nth = 0}); }

    std::uint64_t calls() const;  // ever, of all kinds, the failed ones too
    std::uint64_t calls(FileCall kind) const;
    std::uint64_t faults_given() const;  // since fail()
    std::uint64_t bytes_written() const;
    std::uint64_t bytes_read() const;
    void set_free_bytes(std::uint64_t bytes);

    // What is there after a power cut now: nothing of what was not synced, or with a seed any part of it.
    // Without faults and locks.
    std::unique_ptr<FaultFileSystem> crash() const;
    std::unique_ptr<FaultFileSystem> crash(std::uint32_t seed) const;

    std::vector<std::string> paths() const;  // of all files, sorted
    std::string content(const std::string& path) const;
    void replace(const std::string& path, std::string content);
    void flip_byte(const std::string& path, std::uint64_t offset);
    void truncate(const std::string& path, std::uint64_t size);
    void swap(const std::string& one, const std::string& other);

    Status write_new_synced(const std::string& path,
                            std::span<const std::span<const std::byte>> parts) override;
    Status rename(const std::string& from, const std::string& to) override;
    Status sync_directory(const std::string& path) override;
    Status remove(const std::string& path) override;
    Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) override;
    Result<std::uint64_t> file_size(const std::string& path) override;
    Result<std::vector<FileInfo>> list(const std::string& directory) override;
    Status make_directories(const std::string& path) override;
    Result<std::uint64_t> free_bytes(const std::string& path) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

  private:
    using File = std::shared_ptr<std::string>;
    using Entries = std::map<std::string, File>;
    // Changes of names that reach the disk together: a file or, for a name that goes, none.
    using Change = std::vector<std::pair<std::string, File>>;

    std::optional<Error> fault_of(FileCall kind, const std::string& path);
    Status check_parent(const std::string& path) const;
    void change(Change change);
    std::unique_ptr<FaultFileSystem> with_entries(Entries entries) const;

    mutable std::mutex mutex_;
    FileFault fault_{.nth = 0};
    std::uint64_t seen_ = 0;
    std::uint64_t given_ = 0;
    std::array<std::uint64_t, kFileCallKinds> calls_{};
    std::uint64_t bytes_written_ = 0;
    std::uint64_t bytes_read_ = 0;
    std::uint64_t free_bytes_ = 100ULL * 1000 * 1000 * 1000;
    std::set<std::string> directories_;
    Entries entries_;
    Entries durable_;
    std::vector<Change> unsynced_;  // oldest first
    std::shared_ptr<LockedPaths> locked_;
};

}  // namespace kvasir::test
