#include "base/byte_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kvasir {

namespace {

tl::unexpected<Error> fail_errno(const char* doing, const std::string& path, int error) {
    const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    return fail(code, fmt::format("cannot {} {}: {}", doing, path, std::strerror(error)));
}

class FileSource final : public ByteSource {
  public:
    FileSource(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
    ~FileSource() override { ::close(descriptor_); }
    FileSource(const FileSource&) = delete;
    FileSource& operator=(const FileSource&) = delete;

    Status look() {
        struct stat info {};
        if (::fstat(descriptor_, &info) != 0) return fail_errno("look at", path_, errno);
        if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kIo, fmt::format("{} is no regular file", path_));
        size_ = static_cast<std::uint64_t>(info.st_size);
        return {};
    }
    std::uint64_t size() const override { return size_; }
    Status read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return fail_errno("read", path_, errno);
            if (count == 0) return fail(ErrorCode::kIo, fmt::format("{} became shorter", path_));
            out = out.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return {};
    }

  private:
    int descriptor_;
    std::string path_;
    std::uint64_t size_ = 0;
};

class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
    std::uint64_t size() const override { return bytes_.size(); }
    Status read_at(std::uint64_t offset, std::span<std::byte> out) override {
        if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
            return fail(ErrorCode::kIo, "the file ends before that");
        const auto from = std::as_bytes(std::span(bytes_)).subspan(offset, out.size());
        std::copy(from.begin(), from.end(), out.begin());
        return {};
    }

  private:
    std::string bytes_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_byte_source(const std::string& path) {
    int descriptor = -1;
    do {
        // Without waiting for the other end of a pipe: it is refused anyhow.
        descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0) return fail_errno("open", path, errno);
    auto source = std::make_unique<FileSource>(descriptor, path);
    KVASIR_TRY(source->look());
    return std::unique_ptr<ByteSource>(std::move(source));
}

std::unique_ptr<ByteSource> make_byte_source(std::string bytes) {
    return std::make_unique<MemorySource>(std::move(bytes));
}

}  // namespace kvasir
