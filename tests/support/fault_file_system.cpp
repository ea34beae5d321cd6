#include "support/fault_file_system.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace kvasir::test {

namespace {

constexpr std::array<const char*, kFileCallKinds> kCallNames = {
    "write",  "rename",         "sync directory",
    "remove", "read",           "look at",
    "list",   "make directory", "ask for the free space of",
    "lock"};

std::size_t index_of(FileCall kind) { return static_cast<std::size_t>(kind); }

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

Error error_of(FileCall kind, const std::string& path, ErrorCode code, const char* reason) {
    return {code, fmt::format("cannot {} {}: {}", kCallNames[index_of(kind)], path, reason)};
}

template <class Change, class Entries>
void carry_out(const Change& change, Entries& entries) {
    for (const auto& [path, file] : change) {
        if (file) {
            entries[path] = file;
        } else {
            entries.erase(path);
        }
    }
}

// Who holds a lock may outlive the file system, as a descriptor outlives a mount.
class MemoryLock final : public FileLock {
  public:
    MemoryLock(std::shared_ptr<LockedPaths> locked, std::string path)
        : locked_(std::move(locked)), path_(std::move(path)) {}
    ~MemoryLock() override {
        const std::lock_guard guard(locked_->mutex);
        locked_->paths.erase(path_);
    }
    MemoryLock(const MemoryLock&) = delete;
    MemoryLock& operator=(const MemoryLock&) = delete;

  private:
    std::shared_ptr<LockedPaths> locked_;
    std::string path_;
};

}  // namespace

FaultFileSystem::FaultFileSystem() : directories_({"/", "."}), locked_(std::make_shared<LockedPaths>()) {}

void FaultFileSystem::fail(const FileFault& fault) {
    const std::lock_guard guard(mutex_);
    fault_ = fault;
    seen_ = 0;
    given_ = 0;
}

std::optional<Error> FaultFileSystem::fault_of(FileCall kind, const std::string& path) {
    ++calls_[index_of(kind)];
    if (fault_.nth == 0 || (fault_.only && *fault_.only != kind)) return std::nullopt;
    ++seen_;
    const bool fails = fault_.repeat == FaultRepeat::kOnce ? seen_ == fault_.nth : seen_ >= fault_.nth;
    if (!fails) return std::nullopt;
    ++given_;
    return error_of(kind, path, fault_.code, "the test wants it so");
}

Status FaultFileSystem::check_parent(const std::string& path) const {
    if (directories_.contains(parent_of(path))) return {};
    return kvasir::fail(ErrorCode::kNotFound, fmt::format("there is no directory of {}", path));
}

void FaultFileSystem::change(Change change) {
    carry_out(change, entries_);
    unsynced_.push_back(std::move(change));
}

Status FaultFileSystem::write_new_synced(const std::string& path,
                                         std::span<const std::span<const std::byte>> parts) {
    const std::lock_guard guard(mutex_);
    const auto fault = fault_of(FileCall::kWrite, path);
    if (fault && fault_.leaves == FaultLeaves::kNothing) return kvasir::fail(*fault);
    KVASIR_TRY(check_parent(path));
    if (entries_.contains(path) || directories_.contains(path))
        return kvasir::fail(error_of(FileCall::kWrite, path, ErrorCode::kIo, "it exists"));
    auto file = std::make_shared<std::string>();
    for (const std::span<const std::byte> part : parts) {
        file->append(reinterpret_cast<const char*>(part.data()), part.size());
    }
    if (fault) file->resize(file->size() / 2);
    bytes_written_ += file->size();
    change({{path, std::move(file)}});
    return fault ? kvasir::fail(*fault) : Status{};
}

Status FaultFileSystem::rename(const std::string& from, const std::string& to) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kRename, from)) return kvasir::fail(*fault);
    const auto entry = entries_.find(from);
    if (entry == entries_.end())
        return kvasir::fail(error_of(FileCall::kRename, from, ErrorCode::kNotFound, "it is not there"));
    KVASIR_TRY(check_parent(to));
    if (directories_.contains(to))
        return kvasir::fail(error_of(FileCall::kRename, from, ErrorCode::kIo, "a directory"));
    if (from == to) return {};
    const File file = entry->second;
    if (parent_of(from) == parent_of(to)) {
        change({{from, nullptr}, {to, file}});
    } else {  // two directories, synced apart from each other
        change({{to, file}});
        change({{from, nullptr}});
    }
    return {};
}

Status FaultFileSystem::sync_directory(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kSyncDirectory, path)) return kvasir::fail(*fault);
    if (!directories_.contains(path)) {
        const ErrorCode code = entries_.contains(path) ? ErrorCode::kIo : ErrorCode::kNotFound;
        return kvasir::fail(error_of(FileCall::kSyncDirectory, path, code, "it is no directory"));
    }
    std::erase_if(unsynced_, [&](const Change& change) {
        if (parent_of(change.front().first) != path) return false;
        carry_out(change, durable_);
        return true;
    });
    return {};
}

Status FaultFileSystem::remove(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kRemove, path)) return kvasir::fail(*fault);
    if (!entries_.contains(path)) {
        const ErrorCode code = directories_.contains(path) ? ErrorCode::kIo : ErrorCode::kNotFound;
        return kvasir::fail(error_of(FileCall::kRemove, path, code, "it is no file"));
    }
    change({{path, nullptr}});
    return {};
}

Status FaultFileSystem::read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kRead, path)) return kvasir::fail(*fault);
    const auto entry = entries_.find(path);
    if (entry == entries_.end()) {
        const ErrorCode code = directories_.contains(path) ? ErrorCode::kIo : ErrorCode::kNotFound;
        return kvasir::fail(error_of(FileCall::kRead, path, code, "it is no file"));
    }
    if (out.empty()) return {};
    const std::string& file = *entry->second;
    if (offset > file.size() || file.size() - offset < out.size())
        return kvasir::fail(error_of(FileCall::kRead, path, ErrorCode::kDamaged, "it is truncated"));
    std::memcpy(out.data(), file.data() + offset, out.size());
    bytes_read_ += out.size();
    return {};
}

Result<std::uint64_t> FaultFileSystem::file_size(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kFileSize, path)) return kvasir::fail(*fault);
    const auto entry = entries_.find(path);
    if (entry != entries_.end()) return std::uint64_t{entry->second->size()};
    const ErrorCode code = directories_.contains(path) ? ErrorCode::kIo : ErrorCode::kNotFound;
    return kvasir::fail(error_of(FileCall::kFileSize, path, code, "it is no file"));
}

Result<std::vector<FileInfo>> FaultFileSystem::list(const std::string& directory) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kList, directory)) return kvasir::fail(*fault);
    if (!directories_.contains(directory)) {
        const ErrorCode code = entries_.contains(directory) ? ErrorCode::kIo : ErrorCode::kNotFound;
        return kvasir::fail(error_of(FileCall::kList, directory, code, "it is no directory"));
    }
    std::vector<FileInfo> files;
    for (const auto& [path, file] : entries_) {
        if (parent_of(path) == directory)
            files.push_back({path.substr(path.find_last_of('/') + 1), file->size(), 0});
    }
    return files;
}

Status FaultFileSystem::make_directories(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kMakeDirectories, path)) return kvasir::fail(*fault);
    if (path.empty()) return kvasir::fail(ErrorCode::kInvalidArgument, "the name of a directory is empty");
    for (std::string at = path; !directories_.contains(at); at = parent_of(at)) {
        if (entries_.contains(at))
            return kvasir::fail(
                error_of(FileCall::kMakeDirectories, at, ErrorCode::kIo, "a file is in the way"));
    }
    for (std::string at = path; !directories_.contains(at); at = parent_of(at)) directories_.insert(at);
    return {};
}

Result<std::uint64_t> FaultFileSystem::free_bytes(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kFreeBytes, path)) return kvasir::fail(*fault);
    if (!directories_.contains(path) && !entries_.contains(path))
        return kvasir::fail(error_of(FileCall::kFreeBytes, path, ErrorCode::kNotFound, "it is not there"));
    return free_bytes_;
}

Result<std::unique_ptr<FileLock>> FaultFileSystem::lock(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (const auto fault = fault_of(FileCall::kLock, path)) return kvasir::fail(*fault);
    KVASIR_TRY(check_parent(path));
    if (directories_.contains(path))
        return kvasir::fail(error_of(FileCall::kLock, path, ErrorCode::kIo, "a directory"));
    const std::lock_guard locked_guard(locked_->mutex);
    if (!locked_->paths.insert(path).second)
        return kvasir::fail(
            error_of(FileCall::kLock, path, ErrorCode::kStoreInUse, "another object holds it"));
    if (!entries_.contains(path)) change({{path, std::make_shared<std::string>("1\n")}});
    return std::make_unique<MemoryLock>(locked_, path);
}

}  // namespace kvasir::test
