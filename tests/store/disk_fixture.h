// A real file system on a disk whose free space the test decides, and which can be switched to refuse
// writing.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace kvasir::test {

class DiskOfSize final : public FileSystem {
  public:
    std::uint64_t free = 100ULL * 1000 * 1000 * 1000;
    std::optional<Error> refuse_writes;

    Status write_new_synced(const std::string& path,
                            std::span<const std::span<const std::byte>> parts) override {
        if (refuse_writes) return fail(*refuse_writes);
        return below_->write_new_synced(path, parts);
    }
    Status rename(const std::string& from, const std::string& to) override {
        return below_->rename(from, to);
    }
    Status sync_directory(const std::string& path) override { return below_->sync_directory(path); }
    Status remove(const std::string& path) override { return below_->remove(path); }
    Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) override {
        return below_->read_at(path, offset, out);
    }
    Result<std::uint64_t> file_size(const std::string& path) override { return below_->file_size(path); }
    Result<std::vector<FileInfo>> list(const std::string& directory) override {
        return below_->list(directory);
    }
    Status make_directories(const std::string& path) override { return below_->make_directories(path); }
    Result<std::uint64_t> free_bytes(const std::string&) override { return free; }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return below_->lock(path); }

  private:
    std::unique_ptr<FileSystem> below_ = make_posix_file_system();
};

}  // namespace kvasir::test
