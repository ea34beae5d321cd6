// What the writer and the parser of a block file's header share: its text, and the rules for what may stand
// in it. Internal to the kv_file codec. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "store/block.h"

namespace kvasir {

inline constexpr const char* kFormatVersion = "1";
inline constexpr std::string_view kMetadataName = "__metadata__";
inline constexpr std::string_view kTokensName = "tokens";
inline constexpr std::size_t kTensorsMax = 4096;
inline constexpr std::size_t kRankMax = 4;

// 1 to 64 of A-Z a-z 0-9 _ . and so never in need of an escape.
bool is_plain(std::string_view text);

// The product of the shape and the size of an element; nothing when the type is unknown, when the rank is too
// high, when an extent is 0 or when the product overflows.
std::optional<std::uint64_t> bytes_of_shape(const TensorSpec& tensor);

// Deterministic: same arguments, same text. Padded with spaces so that 8 + size is a multiple of 64.
std::string header_text(const BlockSpec& spec, std::uint64_t token_count,
                        std::span<const Checksum128> frames);

}  // namespace kvasir
