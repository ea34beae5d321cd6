// The hash of the weights, remembered so that a start does not read gigabytes: keyed by everything that
// changes when somebody writes to the file.
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "base/file_system.h"
#include "base/foreign_file.h"
#include "engine/llama/model_file.h"

namespace kvasir {

namespace {

constexpr std::size_t kReadBytes = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kCacheLinesMax = 1000;

using HashCache = std::map<std::string, std::string>;

HashCache read_cache(const std::string& path) {
    std::string text;
    const Status read = read_foreign_file(path, kReadBytes, [&](std::span<const std::byte> part) {
        text.assign(reinterpret_cast<const char*>(part.data()), part.size());
        return ReadOn::kNo;
    });
    HashCache cache;
    if (!read) return cache;
    std::istringstream lines(text);
    std::string identity;
    std::string hex;
    while (cache.size() < kCacheLinesMax && lines >> identity >> hex) {
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
    (void)files->remove(temporary);  // of a process with our pid that died right here
    if (!files->write_new_synced(temporary, std::span(&bytes, 1))) return;
    if (!files->rename(temporary, path)) (void)files->remove(temporary);
}

Result<Digest256> hash_file(const std::string& path) {
    Sha256 hash("");
    const Status read = read_foreign_file(path, kReadBytes, [&](std::span<const std::byte> part) {
        hash.raw(part);
        return ReadOn::kYes;
    });
    if (!read) return fail(ErrorCode::kModelUnusable, read.error().message);
    return hash.finish();
}

}  // namespace

Result<Digest256> hash_weights(const ModelFile& file, const std::string& cache_path) {
    HashCache cache;
    if (!cache_path.empty()) cache = read_cache(cache_path);
    bool changed = false;
    Sha256 whole("kvasir.weights.v1");
    for (const std::string& path : file.paths) {
        KVASIR_TRY_ASSIGN(const ForeignFile looked, look_at_foreign_file(path));
        const std::string& identity = looked.identity;
        const auto known = cache.find(identity);
        Digest256 digest;
        if (known != cache.end()) {
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
