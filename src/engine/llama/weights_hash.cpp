// The hash of the weights, remembered so that a start does not read gigabytes: keyed by everything that
// changes when somebody writes to the file.
#include <fstream>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_system.h"
#include "engine/llama/model_file.h"

namespace kvasir {

namespace {

constexpr std::size_t kReadBytes = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kCacheLinesMax = 1000;

std::string identity_of(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {};
#if defined(__APPLE__)
    const timespec changed = info.st_ctimespec;
    const timespec modified = info.st_mtimespec;
#else
    const timespec changed = info.st_ctim;
    const timespec modified = info.st_mtim;
#endif
    return fmt::format("{}:{}:{}:{}.{}:{}.{}", static_cast<std::uint64_t>(info.st_dev),
                       static_cast<std::uint64_t>(info.st_ino), info.st_size, modified.tv_sec,
                       modified.tv_nsec, changed.tv_sec, changed.tv_nsec);
}

using HashCache = std::map<std::string, std::string>;

HashCache read_cache(const std::string& path) {
    HashCache cache;
    std::ifstream file(path);
    std::string identity;
    std::string hex;
    while (cache.size() < kCacheLinesMax && file >> identity >> hex) {
        if (Digest256::from_hex(hex)) cache[identity] = hex;
    }
    return cache;
}

// Best effort: what cannot be remembered is computed again.
void write_cache(const std::string& path, const HashCache& cache) {
    std::string text;
    for (const auto& [identity, hex] : cache) text += identity + " " + hex + "\n";
    const auto files = make_posix_file_system();
    const std::string temporary = fmt::format("{}.tmp-{}", path, ::getpid());
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    if (!files->write_new_synced(temporary, std::span(&bytes, 1))) return;
    if (!files->rename(temporary, path)) (void)files->remove(temporary);
}

Result<Digest256> hash_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<std::byte> buffer(kReadBytes);
    Sha256 hash("");
    while (file) {
        file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
        hash.raw(std::span(buffer).first(static_cast<std::size_t>(file.gcount())));
    }
    if (!file.eof()) {
        return fail(ErrorCode::kModelUnusable,
                    fmt::format("the model file {} cannot be read to its end", path));
    }
    return hash.finish();
}

}  // namespace

Result<Digest256> hash_weights(const ModelFile& file, const std::string& cache_path) {
    HashCache cache;
    if (!cache_path.empty()) cache = read_cache(cache_path);
    bool changed = false;
    Sha256 whole("kvasir.weights.v1");
    for (const std::string& path : file.paths) {
        const std::string identity = identity_of(path);
        const auto known = cache.find(identity);
        Digest256 digest;
        if (known != cache.end() && !identity.empty()) {
            digest = Digest256::from_hex(known->second).value_or(Digest256{});
        } else {
            KVASIR_TRY_ASSIGN(digest, hash_file(path));
            cache[identity] = digest.hex();
            changed = true;
        }
        whole.field("part", digest);
    }
    if (changed && !cache_path.empty()) write_cache(cache_path, cache);
    return whole.finish();
}

}  // namespace kvasir
