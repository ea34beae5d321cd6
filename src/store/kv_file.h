// The bytes of a block file: one valid safetensors file, encoded deterministically and decoded strictly.
//
// 8 bytes little-endian header length, JSON header padded with spaces to a multiple of 64, data section: the
// tensors of the spec in order (together the row image), then `tokens` (I32). `__metadata__` binds name,
// parent, fingerprint, position and KV types, and holds one checksum per kFrameBytes of the data section.
// docs/format.md has every field. Pure functions over bytes, thread-safe. Decoding trusts nothing: it is the
// parser for hostile input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "store/block.h"

namespace kvasir {

inline constexpr std::size_t kHeaderLengthBytes = 8;
inline constexpr std::size_t kHeaderAlignmentBytes = 64;

// The data section of a file is the row image followed by its tokens.
std::uint64_t data_bytes(const BlockSpec& spec);

// The tokens as they stand in the file: little-endian int32.
std::vector<std::byte> encode_tokens(std::span<const Token> tokens);

// The first 8 + N bytes of the file, for a data section made of image and encode_tokens(spec.tokens).
// kInvalidArgument when spec and image do not fit each other: a bug of the caller, refused all the same.
Result<std::vector<std::byte>> encode_header(const BlockSpec& spec, std::span<const std::byte> image);

struct DecodedHeader {
    BlockSpec spec;  // without tokens: they stand in the data section
    std::uint64_t token_count = 0;
    std::vector<Checksum128> frames;  // one per kFrameBytes of the data section
    std::uint64_t data_begin = 0;     // offset in the file
    std::uint64_t data_size = 0;
};

// `header` is the file's first 8 + N bytes. kDamaged says what is wrong.
Result<DecodedHeader> decode_header(std::span<const std::byte> header, std::uint64_t file_bytes);

// Length N from the first 8 bytes, checked against kBlockHeaderBytesMax and the file's size.
Result<std::uint64_t> decode_header_length(std::span<const std::byte> first_bytes, std::uint64_t file_bytes);

// Checks every frame of the data section. kDamaged names the first one that fails.
Status verify_frames(const DecodedHeader& header, std::span<const std::byte> data);
// The same for the frames from number `first` on that `frames` holds, each whole.
Status verify_some_frames(const DecodedHeader& header, std::uint64_t first,
                          std::span<const std::byte> frames);

}  // namespace kvasir
