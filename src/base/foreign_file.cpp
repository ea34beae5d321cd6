#include "base/foreign_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

namespace kvasir {

namespace {

tl::unexpected<Error> fail_errno(const char* doing, const std::string& path, int error) {
    const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    return fail(code, fmt::format("cannot {} {}: {}", doing, path, std::strerror(error)));
}

}  // namespace

Result<ForeignFile> look_at_foreign_file(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return fail_errno("look at", path, errno);
    if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kIo, fmt::format("{} is no regular file", path));
#if defined(__APPLE__)
    const timespec changed = info.st_ctimespec;
    const timespec modified = info.st_mtimespec;
#else
    const timespec changed = info.st_ctim;
    const timespec modified = info.st_mtim;
#endif
    return ForeignFile{static_cast<std::uint64_t>(info.st_size),
                       fmt::format("{}:{}:{}:{}.{}:{}.{}", static_cast<std::uint64_t>(info.st_dev),
                                   static_cast<std::uint64_t>(info.st_ino), info.st_size, modified.tv_sec,
                                   modified.tv_nsec, changed.tv_sec, changed.tv_nsec)};
}

Status read_foreign_file(const std::string& path, std::size_t part_bytes,
                         const std::function<ReadOn(std::span<const std::byte>)>& on_part) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
    if (file == nullptr) return fail_errno("open", path, errno);
    std::vector<std::byte> part(part_bytes);
    for (;;) {
        const std::size_t count = std::fread(part.data(), 1, part.size(), file.get());
        if (count > 0 && on_part(std::span(part).first(count)) == ReadOn::kNo) return {};
        if (count == part.size()) continue;
        if (std::ferror(file.get()) != 0) return fail_errno("read", path, errno);
        return {};
    }
}

}  // namespace kvasir
