// FileSystem on POSIX calls. The rules it keeps: files are created with O_EXCL and never followed through a
// link; a write is complete or an error; a failed sync is final; a lock lives as long as its descriptor and
// is not inherited by exec.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file_system.h"

namespace kvasir {

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;
constexpr std::size_t kPidDigitsMax = 10;

ErrorCode code_of(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return ErrorCode::kNoSpace;
        case ENOENT:
            return ErrorCode::kNotFound;
        default:
            return ErrorCode::kIo;
    }
}

const char* advice_for(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
            return "; free some space";
        case EFBIG:
            return "; raise the limit of file sizes (ulimit -f)";
        case ENOENT:
            return "; check that it was not moved or removed";
        case EACCES:
        case EPERM:
            return "; check its owner and mode";
        case EROFS:
            return "; its file system is mounted read-only";
        case EMFILE:
        case ENFILE:
            return "; raise the limit of open files (ulimit -n)";
        case EEXIST:
            return "; remove it, it is in the way";
        case ELOOP:
            return "; replace the symbolic link by what it points to";
        case EIO:
            return "; check the disk (the kernel's log says more)";
        default:
            return "";
    }
}

tl::unexpected<Error> fail_errno(const char* doing, const std::string& path, int error) {
    return fail(code_of(error),
                fmt::format("cannot {} {}: {}{}", doing, path, std::strerror(error), advice_for(error)));
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

int open_retrying(const std::string& path, int flags, mode_t mode = 0) {
    int fd = -1;
    do {
        fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

int sync_descriptor(int fd) {
#if defined(__APPLE__)
    if (::fcntl(fd, F_FULLFSYNC) == 0) return 0;  // fsync alone stops at the drive's cache there
#endif
    return ::fsync(fd);
}

Status write_all(int fd, const std::string& path, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("write", path, errno);
        if (written == 0) return fail_errno("write", path, ENOSPC);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

Status write_and_sync(Descriptor& file, const std::string& path,
                      std::span<const std::span<const std::byte>> parts) {
    for (const std::span<const std::byte> part : parts) KVASIR_TRY(write_all(file.get(), path, part));
    if (sync_descriptor(file.get()) != 0) return fail_errno("sync", path, errno);
    if (::close(file.release()) != 0 && errno != EINTR) return fail_errno("close", path, errno);
    return {};
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// For the message of whoever is refused; the lock itself does not depend on it, so a full disk is no reason
// to fail. Writing over the former pid first needs no new space.
void note_holder(int fd) {
    const std::string pid = fmt::format("{}\n", ::getpid());
    const bool written = ::pwrite(fd, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
    const int cut = ::ftruncate(fd, written ? static_cast<off_t>(pid.size()) : 0);
    static_cast<void>(cut);
}

class PosixFileLock : public FileLock {
  public:
    explicit PosixFileLock(Descriptor file) : file_(std::move(file)) {}

  private:
    Descriptor file_;  // the lock goes when it is closed
};

class PosixFileSystem : public FileSystem {
  public:
    Status write_new_synced(const std::string& path,
                            std::span<const std::span<const std::byte>> parts) override {
        Descriptor file(open_retrying(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode));
        if (!file.valid()) return fail_errno("create", path, errno);
        Status written = write_and_sync(file, path, parts);
        if (!written) ::unlink(path.c_str());
        return written;
    }

    Status rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("rename", from, errno);
        return {};
    }

    Status sync_directory(const std::string& path) override {
        const Descriptor directory(open_retrying(path, O_RDONLY | O_DIRECTORY));
        if (!directory.valid()) return fail_errno("open directory", path, errno);
        if (sync_descriptor(directory.get()) != 0) return fail_errno("sync directory", path, errno);
        return {};
    }

    Status remove(const std::string& path) override {
        if (::unlink(path.c_str()) != 0) return fail_errno("remove", path, errno);
        return {};
    }

    Status read_at(const std::string& path, std::uint64_t offset, std::span<std::byte> out) override {
        const Descriptor file(open_retrying(path, O_RDONLY | O_NOFOLLOW));
        if (!file.valid()) return fail_errno("open", path, errno);
        while (!out.empty()) {
            const ssize_t got = ::pread(file.get(), out.data(), out.size(), static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno("read", path, errno);
            if (got == 0)
                return fail(ErrorCode::kDamaged, fmt::format("{} is truncated at byte {}", path, offset));
            out = out.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::uint64_t>(got);
        }
        return {};
    }

    Result<std::uint64_t> file_size(const std::string& path) override {
        struct stat info {};
        if (::lstat(path.c_str(), &info) != 0) return fail_errno("look at", path, errno);
        if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kIo, fmt::format("{} is no regular file", path));
        return static_cast<std::uint64_t>(info.st_size);
    }

    Result<std::vector<FileInfo>> list(const std::string& directory) override;
    Status make_directories(const std::string& path) override;

    Result<std::uint64_t> free_bytes(const std::string& path) override {
        struct statvfs info {};
        if (::statvfs(path.c_str(), &info) != 0) return fail_errno("ask for the free space of", path, errno);
        return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    }

    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
};

Result<std::vector<FileInfo>> PosixFileSystem::list(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream) return fail_errno("list", directory, errno);
    std::vector<FileInfo> files;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(stream.get());
        if (entry == nullptr && errno != 0) return fail_errno("list", directory, errno);
        if (entry == nullptr) break;
        const std::string path = directory + "/" + entry->d_name;
        struct stat info {};
        if (::lstat(path.c_str(), &info) != 0) {
            if (errno == ENOENT) continue;  // removed just now
            return fail_errno("look at", path, errno);
        }
        if (!S_ISREG(info.st_mode)) continue;
        files.push_back({entry->d_name, static_cast<std::uint64_t>(info.st_size),
                         static_cast<std::int64_t>(info.st_mtime) * 1000});
    }
    std::sort(files.begin(), files.end(),
              [](const FileInfo& a, const FileInfo& b) { return a.name < b.name; });
    return files;
}

Status PosixFileSystem::make_directories(const std::string& path) {
    if (path.empty()) return fail(ErrorCode::kInvalidArgument, "the name of a directory is empty");
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) {
        if (S_ISDIR(info.st_mode)) return {};
        return fail(ErrorCode::kIo, fmt::format("{} is in the way: it is no directory", path));
    }
    const std::string parent = parent_of(path);
    if (parent != path) KVASIR_TRY(make_directories(parent));
    if (::mkdir(path.c_str(), kDirectoryMode) != 0) {
        const int error = errno;  // EEXIST: somebody else made it just now, or a dangling link is in the way
        const bool made_by_another =
            error == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
        if (!made_by_another) return fail_errno("make directory", path, error);
    }
    return sync_directory(parent);
}

// What note_holder() wrote. Anybody may have written something else, and this ends up on a terminal.
std::string holder_of(int fd) {
    std::array<char, 32> said{};
    const ssize_t got = ::pread(fd, said.data(), said.size(), 0);
    const std::string_view text(said.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    const std::string_view pid = text.substr(0, text.find('\n'));
    const bool is_pid = !pid.empty() && pid.size() <= kPidDigitsMax &&
                        std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; });
    return is_pid ? std::string(pid) : "unknown";
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
    Descriptor file(open_retrying(path, O_RDWR | O_CREAT | O_NOFOLLOW, kFileMode));
    if (!file.valid()) return fail_errno("open", path, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail_errno("lock", path, errno);
        return fail(ErrorCode::kStoreInUse,
                    fmt::format("{} is held by another process (pid {}); stop it first", path,
                                holder_of(file.get())));
    }
    note_holder(file.get());
    return std::make_unique<PosixFileLock>(std::move(file));
}

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace kvasir
