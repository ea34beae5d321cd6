#include "support/fault_vfs.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>

#include <sqlite3.h>

namespace kvasir::test {

namespace {

// Followed in memory by the file of the VFS below.
struct ShimFile {
    sqlite3_file base;
    FaultVfs* owner;
    const char* path;  // SQLite keeps it until the file is closed; null for temporary files
};

constexpr std::size_t kShimBytes = (sizeof(ShimFile) + 15) / 16 * 16;

FaultVfs& owner_of(sqlite3_file* file) { return *reinterpret_cast<ShimFile*>(file)->owner; }
std::string path_of(sqlite3_file* file) {
    const char* path = reinterpret_cast<ShimFile*>(file)->path;
    return path == nullptr ? std::string() : path;
}
std::span<const std::byte> bytes_of(const void* data, int size) {
    return {static_cast<const std::byte*>(data), static_cast<std::size_t>(size)};
}
FaultVfs& owner_of(sqlite3_vfs* vfs) { return *static_cast<FaultVfs*>(vfs->pAppData); }
sqlite3_file* below(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<std::byte*>(file) + kShimBytes);
}

// A call that changes files, from its begin to its end.
class Inside {
  public:
    explicit Inside(sqlite3_file* file) : owner_(owner_of(file)) { owner_.tell(true); }
    ~Inside() { owner_.tell(false); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

  private:
    FaultVfs& owner_;
};

int close_file(sqlite3_file* file) { return below(file)->pMethods->xClose(below(file)); }
int read_file(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
    return below(file)->pMethods->xRead(below(file), out, size, offset);
}
int write_file(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const Inside inside(file);
    FaultVfs& owner = owner_of(file);
    if (owner.fails(VfsCalls::kWrites)) {
        // A failing write may have written a part.
        owner.written(path_of(file), static_cast<std::uint64_t>(offset), bytes_of(data, size / 2));
        below(file)->pMethods->xWrite(below(file), data, size / 2, offset);
        return owner.fault() == VfsFault::kDiskFull ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    owner.written(path_of(file), static_cast<std::uint64_t>(offset), bytes_of(data, size));
    return below(file)->pMethods->xWrite(below(file), data, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
    const Inside inside(file);
    if (owner_of(file).fails(VfsCalls::kAll)) return SQLITE_IOERR_TRUNCATE;
    owner_of(file).truncated(path_of(file), static_cast<std::uint64_t>(size));
    return below(file)->pMethods->xTruncate(below(file), size);
}
int sync_file(sqlite3_file* file, int flags) {
    const Inside inside(file);
    FaultVfs& owner = owner_of(file);
    if (owner.fails(VfsCalls::kSyncs)) {
        owner.sync_failed(path_of(file));
        return SQLITE_IOERR_FSYNC;
    }
    owner.synced(path_of(file));
    return below(file)->pMethods->xSync(below(file), flags);
}
int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
    return below(file)->pMethods->xFileSize(below(file), size);
}
int lock_file(sqlite3_file* file, int level) { return below(file)->pMethods->xLock(below(file), level); }
int unlock_file(sqlite3_file* file, int level) { return below(file)->pMethods->xUnlock(below(file), level); }
int check_reserved(sqlite3_file* file, int* out) {
    return below(file)->pMethods->xCheckReservedLock(below(file), out);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
    return below(file)->pMethods->xFileControl(below(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return below(file)->pMethods->xSectorSize(below(file)); }
int device_characteristics(sqlite3_file* file) {
    return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

// Version 1: no shared memory, no memory mapping; the catalog needs neither.
const sqlite3_io_methods& shim_methods() {
    static const sqlite3_io_methods methods = [] {
        sqlite3_io_methods m{};
        m.iVersion = 1;
        m.xClose = close_file;
        m.xRead = read_file;
        m.xWrite = write_file;
        m.xTruncate = truncate_file;
        m.xSync = sync_file;
        m.xFileSize = size_of_file;
        m.xLock = lock_file;
        m.xUnlock = unlock_file;
        m.xCheckReservedLock = check_reserved;
        m.xFileControl = control_file;
        m.xSectorSize = sector_size;
        m.xDeviceCharacteristics = device_characteristics;
        return m;
    }();
    return methods;
}

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    FaultVfs& owner = owner_of(vfs);
    reinterpret_cast<ShimFile*>(file)->owner = &owner;
    reinterpret_cast<ShimFile*>(file)->path = path;
    owner.opened();
    file->pMethods = nullptr;
    const int code = owner.below()->xOpen(owner.below(), path, below(file), flags, out_flags);
    if (below(file)->pMethods != nullptr) file->pMethods = &shim_methods();
    return code;
}
int delete_file(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    owner_of(vfs).deleted(path);
    sqlite3_vfs* next = owner_of(vfs).below();
    return next->xDelete(next, path, sync_directory);
}
int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
    sqlite3_vfs* next = owner_of(vfs).below();
    return next->xAccess(next, path, flags, out);
}
int full_path(sqlite3_vfs* vfs, const char* path, int size, char* out) {
    sqlite3_vfs* next = owner_of(vfs).below();
    return next->xFullPathname(next, path, size, out);
}
int last_error(sqlite3_vfs* vfs, int size, char* out) {
    sqlite3_vfs* next = owner_of(vfs).below();
    return next->xGetLastError(next, size, out);
}

std::string unique_name() {
    static std::atomic<int> next{0};
    return "kvasir-fault-" + std::to_string(next.fetch_add(1));
}

}  // namespace

FaultVfs::FaultVfs()
    : name_(unique_name()), below_(sqlite3_vfs_find(nullptr)), vfs_(std::make_unique<sqlite3_vfs>(*below_)) {
    vfs_->iVersion = 1;
    vfs_->szOsFile = static_cast<int>(kShimBytes) + below_->szOsFile;
    vfs_->pNext = nullptr;
    vfs_->zName = name_.c_str();
    vfs_->pAppData = this;
    vfs_->xOpen = open_file;
    vfs_->xDelete = delete_file;
    vfs_->xAccess = access_file;
    vfs_->xFullPathname = full_path;
    vfs_->xGetLastError = last_error;
    sqlite3_vfs_register(vfs_.get(), 0);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(vfs_.get()); }

void FaultVfs::fail_nth(std::uint64_t nth, VfsFault fault, VfsRepeat repeat, VfsCalls calls) {
    nth_ = nth;
    fault_ = fault;
    repeat_ = repeat;
    calls_ = calls;
    seen_ = 0;
    given_ = 0;
}

bool FaultVfs::fails(VfsCalls kind) {
    if (calls_ != VfsCalls::kAll && calls_ != kind) return false;
    ++seen_;
    if (nth_ == 0) return false;
    const bool now = repeat_ == VfsRepeat::kOnce ? seen_ == nth_ : seen_ >= nth_;
    if (now) ++given_;
    return now;
}

void FaultVfs::written(const std::string& path, std::uint64_t offset, std::span<const std::byte> data) {
    if (!data.empty()) files_[path].unsynced.push_back({offset, {data.begin(), data.end()}});
}

void FaultVfs::truncated(const std::string& path, std::uint64_t size) {
    files_[path].unsynced.push_back({size, {}});
}

void FaultVfs::synced(const std::string& path) {
    if (ignores_syncs_) return;
    DurableFile& file = files_[path];
    for (const Change& change : file.unsynced) carry_out(change, file.bytes);
    file.unsynced.clear();
}

void FaultVfs::carry_out(const Change& change, std::vector<std::byte>& bytes) {
    const std::size_t end = static_cast<std::size_t>(change.offset) + change.data.size();
    if (change.data.empty() || bytes.size() < end) bytes.resize(end);
    std::copy(change.data.begin(), change.data.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

void FaultVfs::sync_failed(const std::string& path) { files_[path].unsynced.clear(); }

void FaultVfs::deleted(const std::string& path) { files_.erase(path); }

namespace {

void save(const std::string& directory, const std::string& path, const std::vector<std::byte>& bytes) {
    if (path.empty() || bytes.empty()) return;
    std::ofstream out(directory + "/" + std::filesystem::path(path).filename().string(), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

void FaultVfs::save_durable_files(const std::string& directory) const {
    for (const auto& [path, file] : files_) save(directory, path, file.bytes);
}

// Some of its sectors reached the disk, the others are as they were.
void FaultVfs::carry_out_torn(const Change& change, std::vector<std::byte>& bytes, std::mt19937& random) {
    constexpr std::size_t kSectorBytes = 512;
    for (std::size_t at = 0; at < change.data.size(); at += kSectorBytes) {
        if (random() % 2 == 0) continue;
        const std::size_t size = std::min(kSectorBytes, change.data.size() - at);
        const auto begin = change.data.begin() + static_cast<std::ptrdiff_t>(at);
        carry_out({change.offset + at, {begin, begin + static_cast<std::ptrdiff_t>(size)}}, bytes);
    }
}

void FaultVfs::save_durable_files(const std::string& directory, std::uint32_t seed) const {
    std::mt19937 random(seed);
    for (const auto& [path, file] : files_) {
        std::vector<std::byte> bytes = file.bytes;
        std::vector<Change> changes = file.unsynced;
        std::shuffle(changes.begin(), changes.end(), random);
        for (const Change& change : changes) {
            const std::uint32_t fate = random() % 4;
            if (fate == 0) continue;
            if (fate == 1 && !change.data.empty())
                carry_out_torn(change, bytes, random);
            else
                carry_out(change, bytes);
        }
        save(directory, path, bytes);
    }
}

}  // namespace kvasir::test
