#include "base/new_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace kvasir {

namespace {

ErrorCode code_of(int error) {
    if (error == EEXIST) return ErrorCode::kConflict;
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) return ErrorCode::kNoSpace;
    return error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
}

tl::unexpected<Error> fail_errno(const char* doing, const std::string& path, int error) {
    return fail(code_of(error), fmt::format("cannot {} {}: {}", doing, path, std::strerror(error)));
}

tl::unexpected<Error> fail_taken(const std::string& path) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} is there already: give another name, or remove it first", path));
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

NewFile::NewFile(std::string path, std::string partial, int descriptor)
    : path_(std::move(path)), partial_(std::move(partial)), descriptor_(descriptor) {}

NewFile::~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!partial_.empty()) ::unlink(partial_.c_str());
}

Result<std::unique_ptr<NewFile>> NewFile::create(const std::string& path) {
    if (path.empty()) return fail(ErrorCode::kInvalidArgument, "the file has no name");
    if (::access(path.c_str(), F_OK) == 0) return fail_taken(path);
    std::string partial = fmt::format("{}.partial-{}", path, ::getpid());
    const int descriptor =
        ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail_errno("create", partial, errno);
    return std::unique_ptr<NewFile>(new NewFile(path, std::move(partial), descriptor));
}

Status NewFile::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("write", partial_, errno);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

Status NewFile::finish() {
    if (::fsync(descriptor_) != 0) return fail_errno("sync", partial_, errno);
    if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR)
        return fail_errno("close", partial_, errno);
    // A link does not replace what is there. Where there are no links, nobody else is expected to be faster.
    if (::link(partial_.c_str(), path_.c_str()) != 0) {
        if (errno == EEXIST) return fail_taken(path_);
        if (::access(path_.c_str(), F_OK) == 0) return fail_taken(path_);
        if (::rename(partial_.c_str(), path_.c_str()) != 0) return fail_errno("name", path_, errno);
        partial_.clear();
    }
    const int directory = ::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return {};  // the file is there; only that it stays is not proven
    ::fsync(directory);
    ::close(directory);
    return {};
}

}  // namespace kvasir
