// Checksums of a block file's data section.
#include <algorithm>

#include <fmt/format.h>

#include "base/limits.h"
#include "store/kv_file.h"

namespace kvasir {

Status verify_frames(const DecodedHeader& header, std::span<const std::byte> data) {
    if (data.size() != header.data_size)
        return fail(ErrorCode::kDamaged, "the block file is damaged: the data section's size");
    return verify_some_frames(header, 0, data);
}

Status verify_some_frames(const DecodedHeader& header, std::uint64_t first,
                          std::span<const std::byte> frames) {
#ifdef KVASIR_FUZZING
    return {};  // a fuzzer cannot guess checksums, and is to get past them
#endif
    for (std::uint64_t i = first; !frames.empty(); ++i) {
        const std::size_t count = std::min<std::size_t>(kFrameBytes, frames.size());
        if (i >= header.frames.size() ||
            frame_checksum(header.spec.name, i, frames.first(count)) != header.frames[i]) {
            return fail(ErrorCode::kDamaged,
                        fmt::format("block {}: frame {} has another checksum", header.spec.name.hex(), i));
        }
        frames = frames.subspan(count);
    }
    return {};
}

}  // namespace kvasir
