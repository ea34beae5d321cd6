// An SQLite VFS over the default one that fails writes, syncs and truncations on demand, and knows what a
// power cut would leave: of every file what was synced, while a failed sync loses for good what it should
// have written.
//
// Owned by a test: registered while the object lives, under name(), which goes to Catalog::open or
// StoreOptions. Every database that uses it must be closed before it goes. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace kvasir::test {

enum class VfsFault {
    kDiskFull,  // writes: SQLITE_FULL; syncs and truncations: their SQLITE_IOERR code
    kIoError,   // the SQLITE_IOERR code of the call
};

enum class VfsRepeat { kOnce, kForever };

enum class VfsCalls { kAll, kSyncs, kWrites };

class FaultVfs {
  public:
    FaultVfs();
    ~FaultVfs();
    FaultVfs(const FaultVfs&) = delete;
    FaultVfs& operator=(const FaultVfs&) = delete;

    const std::string& name() const { return name_; }

    // The nth (from 1) of the following calls fails; with kForever all after it too. 0: none.
    void fail_nth(std::uint64_t nth, VfsFault fault, VfsRepeat repeat, VfsCalls calls = VfsCalls::kAll);
    void heal() { fail_nth(0, VfsFault::kIoError, VfsRepeat::kOnce); }

    std::uint64_t calls_seen() const { return seen_; }     // of the chosen kind, since fail_nth() or heal()
    std::uint64_t faults_given() const { return given_; }  // since fail_nth() or heal()

    std::uint64_t opens_seen() const { return opens_; }  // of files, ever

    // What a power cut now would leave of the files written through this VFS, as files in `directory`.
    void save_durable_files(const std::string& directory) const;
    // The same, and any part of what was not synced: writes of each file in any order, any of them missing or
    // torn at 512 bytes.
    void save_durable_files(const std::string& directory, std::uint32_t seed) const;
    // A broken disk, for controls: syncs report success and make nothing durable.
    void ignore_syncs() { ignores_syncs_ = true; }
    // Called before (true) and after (false) every write, truncation and sync.
    void on_call(std::function<void(bool begins)> listener) { on_call_ = std::move(listener); }

    // For the shim: what happens to files.
    void opened() { ++opens_; }
    void written(const std::string& path, std::uint64_t offset, std::span<const std::byte> data);
    void truncated(const std::string& path, std::uint64_t size);
    void synced(const std::string& path);
    void sync_failed(const std::string& path);
    void deleted(const std::string& path);

    void tell(bool begins) const {
        if (on_call_) on_call_(begins);
    }

    // For the shim: whether this call fails now.
    bool fails(VfsCalls kind);
    VfsFault fault() const { return fault_; }
    sqlite3_vfs* below() const { return below_; }

  private:
    struct Change {
        std::uint64_t offset = 0;  // or the new size, when there is no data
        std::vector<std::byte> data;
    };
    struct DurableFile {
        std::vector<std::byte> bytes;
        std::vector<Change> unsynced;
    };

    static void carry_out(const Change& change, std::vector<std::byte>& bytes);
    static void carry_out_torn(const Change& change, std::vector<std::byte>& bytes, std::mt19937& random);

    std::string name_;
    sqlite3_vfs* below_;
    std::unique_ptr<sqlite3_vfs> vfs_;
    std::uint64_t nth_ = 0;
    VfsFault fault_ = VfsFault::kIoError;
    VfsRepeat repeat_ = VfsRepeat::kOnce;
    VfsCalls calls_ = VfsCalls::kAll;
    std::uint64_t seen_ = 0;
    std::uint64_t given_ = 0;
    std::uint64_t opens_ = 0;
    std::map<std::string, DurableFile> files_;
    bool ignores_syncs_ = false;
    std::function<void(bool)> on_call_;
};

}  // namespace kvasir::test
