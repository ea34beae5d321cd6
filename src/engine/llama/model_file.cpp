#include "engine/llama/model_file.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/foreign_file.h"
#include "engine/llama/handles.h"

namespace kvasir {

namespace {

tl::unexpected<Error> unusable(const std::string& path, const std::string& what) {
    return fail(ErrorCode::kModelUnusable, fmt::format("the model file {} {}", path, what));
}

Status check_magic(const std::string& path) {
    const auto looked = look_at_foreign_file(path);
    if (!looked && looked.error().code == ErrorCode::kNotFound) {
        return unusable(path, "is not there: give the path of a GGUF file with --model");
    }
    if (!looked) return unusable(path, "is no regular file: give the path of a GGUF file");
    std::string magic;
    const Status read = read_foreign_file(path, 4, [&](std::span<const std::byte> part) {
        magic.assign(reinterpret_cast<const char*>(part.data()), part.size());
        return ReadOn::kNo;
    });
    if (!read) return unusable(path, "cannot be opened: check its permissions");
    if (magic != "GGUF") return unusable(path, "is no GGUF file: convert the model to GGUF first");
    return {};
}

GgufPtr open_gguf(const std::string& path) {
    gguf_init_params params{};
    params.no_alloc = true;
    params.ctx = nullptr;
    return GgufPtr(gguf_init_from_file(path.c_str(), params));
}

std::uint64_t bytes_expected(const gguf_context* gguf) {
    std::uint64_t end = 0;
    for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf); ++i) {
        end = std::max<std::uint64_t>(end, gguf_get_tensor_offset(gguf, i) + gguf_get_tensor_size(gguf, i));
    }
    return gguf_get_data_offset(gguf) + end;
}

// One part: whole? Its size is added to `file`.
Status inspect_part(const std::string& path, const gguf_context* gguf, ModelFile& file) {
    const auto looked = look_at_foreign_file(path);
    if (!looked) return unusable(path, "is missing: it is a part of a split model");
    const std::uint64_t bytes = looked->size_bytes;
    const std::uint64_t expected = bytes_expected(gguf);
    if (bytes < expected) {
        return unusable(
            path, fmt::format("is truncated: it has {} bytes and its tensors need {}. Fetch it again", bytes,
                              expected));
    }
    file.paths.push_back(path);
    file.bytes += bytes;
    return {};
}

Status inspect_splits(const std::string& path, int count, ModelFile& file) {
    std::array<char, 4096> prefix{};
    if (llama_split_prefix(prefix.data(), prefix.size(), path.c_str(), 0, count) <= 0) {
        return unusable(path, fmt::format("is not the first of {} parts: give the first one", count));
    }
    for (int part = 1; part < count; ++part) {
        std::array<char, 4096> name{};
        llama_split_path(name.data(), name.size(), prefix.data(), part, count);
        KVASIR_TRY(check_magic(name.data()));
        const GgufPtr gguf = open_gguf(name.data());
        if (!gguf) return unusable(name.data(), "is damaged: its header cannot be read. Fetch it again");
        KVASIR_TRY(inspect_part(name.data(), gguf.get(), file));
    }
    return {};
}

}  // namespace

Result<ModelFile> inspect_model_file(const std::string& path) {
    start_llama();
    KVASIR_TRY(check_magic(path));
    const GgufPtr gguf = open_gguf(path);
    if (!gguf) {
        (void)take_llama_errors();
        return unusable(path, "is truncated or damaged: its header cannot be read. Fetch it again");
    }
    ModelFile file;
    const std::int64_t key = gguf_find_key(gguf.get(), "general.architecture");
    if (key < 0 || gguf_get_kv_type(gguf.get(), key) != GGUF_TYPE_STRING) {
        return unusable(path, "names no architecture: it is no language model");
    }
    file.architecture = gguf_get_val_str(gguf.get(), key);
    KVASIR_TRY(inspect_part(path, gguf.get(), file));
    const std::int64_t split = gguf_find_key(gguf.get(), "split.count");
    if (split >= 0 && gguf_get_kv_type(gguf.get(), split) == GGUF_TYPE_UINT16) {
        const int count = gguf_get_val_u16(gguf.get(), split);
        if (count > 1) KVASIR_TRY(inspect_splits(path, count, file));
    }
    return file;
}

}  // namespace kvasir
