// A store on a disk whose power can be cut at any call: block files on FaultFileSystem, the catalog through
// FaultVfs. What a cut leaves is taken while the store goes on, and another store is opened on it later.
// Owned by a test; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "durable/node.h"

#include "support/fault_file_system.h"
#include "support/fault_vfs.h"

namespace kvasir::test {

enum class BrokenDisk {
    kNo,
    kNoDirectorySync,  // control: names are not made durable
    kNoCatalogSync,    // control: nor is anything of the catalog
};

// Tells of every call that changes files, after it.
class ToldFileSystem final : public FileSystem {
  public:
    ToldFileSystem(FileSystem& below, BrokenDisk broken) : below_(below), broken_(broken) {}
    std::function<void(const std::string& written)> after_call;  // "" when nothing was written

    Status write_new_synced(const std::string& path,
                            std::span<const std::span<const std::byte>> parts) override {
        return told(below_.write_new_synced(path, parts), path);
    }
    Status rename(const std::string& from, const std::string& to) override {
        return told(below_.rename(from, to));
    }
    Status sync_directory(const std::string& path) override {
        return told(broken_ == BrokenDisk::kNoDirectorySync ? Status() : below_.sync_directory(path));
    }
    Status remove(const std::string& path) override { return told(below_.remove(path)); }
    Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) override {
        return below_.read_at(path, offset, out);
    }
    Result<std::uint64_t> file_size(const std::string& path) override { return below_.file_size(path); }
    Result<std::vector<FileInfo>> list(const std::string& directory) override {
        return below_.list(directory);
    }
    Status make_directories(const std::string& path) override { return below_.make_directories(path); }
    Result<std::uint64_t> free_bytes(const std::string& path) override { return below_.free_bytes(path); }
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return below_.lock(path); }

  private:
    Status told(Status status, const std::string& written = {}) {
        if (after_call) after_call(written);
        return status;
    }
    FileSystem& below_;
    BrokenDisk broken_;
};

// What was there when the power went.
struct CutState {
    std::unique_ptr<FaultFileSystem> files;
    std::string catalog_directory;
    std::size_t acknowledged = 0;
    std::uint32_t seed = 0;
};

class PoweredStore {
  public:
    PoweredStore(Scratch& scratch, BrokenDisk broken);

    Result<std::unique_ptr<Node>> open();
    // From now on every nth call leaves a state; `acknowledged` is asked then.
    void cut_every(std::uint32_t nth, std::size_t states_max, std::function<std::size_t()> acknowledged);
    std::vector<CutState>& states() { return states_; }
    std::uint64_t calls() const { return calls_; }

  private:
    void called(const std::string& written);

    Scratch& scratch_;
    FaultFileSystem files_;
    ToldFileSystem told_;
    FaultVfs vfs_;
    std::string root_;
    std::uint64_t calls_ = 0;
    std::uint32_t nth_ = 0;
    std::size_t states_max_ = 0;
    std::function<std::size_t()> acknowledged_;
    std::vector<CutState> states_;
};

}  // namespace kvasir::test
