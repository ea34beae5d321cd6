#include "base/part_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_system.h"

namespace kvasir {

namespace {

constexpr mode_t kFileMode = 0600;

tl::unexpected<Error> fail_errno(const char* doing, const std::string& path, int error) {
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return fail(full ? ErrorCode::kNoSpace : ErrorCode::kIo,
                fmt::format("cannot {} {}: {}{}", doing, path, std::strerror(error),
                            full ? "; free some space, then it goes on where it was" : ""));
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

Result<std::unique_ptr<PartFile>> PartFile::open(const std::string& path) {
    const int descriptor =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kFileMode);
    if (descriptor < 0) return fail_errno("open", path, errno);
    struct stat info {};
    if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        const int error = errno;
        ::close(descriptor);
        return fail_errno("use", path, error);
    }
    return std::unique_ptr<PartFile>(
        new PartFile(path, descriptor, static_cast<std::uint64_t>(info.st_size)));
}

PartFile::~PartFile() { ::close(descriptor_); }

Status PartFile::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno("write", path_, errno);
        size_ += static_cast<std::uint64_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Status PartFile::start_over() {
    if (::ftruncate(descriptor_, 0) != 0) return fail_errno("empty", path_, errno);
    size_ = 0;
    return {};
}

Status PartFile::put_in_place(const std::string& target) {
    if (::fsync(descriptor_) != 0) return fail_errno("sync", path_, errno);
    if (::rename(path_.c_str(), target.c_str()) != 0) return fail_errno("rename", path_, errno);
    return make_posix_file_system()->sync_directory(directory_of(target));
}

Status PartFile::remove() {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return fail_errno("remove", path_, errno);
    return {};
}

}  // namespace kvasir
