// What the tests of block files share: makers of blocks with rows, and a store of block files in memory.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "store/block_files.h"
#include "store/kv_file.h"
#include "support/fault_file_system.h"

namespace kvasir::test {

struct Block {
    BlockSpec spec;
    std::vector<std::byte> image;
};

inline Digest256 digest_with(std::uint8_t first, std::uint8_t fill = 0x3c) {
    Digest256 digest;
    digest.bytes.fill(fill);
    digest.bytes[0] = first;
    return digest;
}

inline std::vector<std::byte> rows_of(std::uint32_t seed, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    std::uint32_t state = seed * 2654435761U + 1;
    for (std::byte& byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<std::byte>(state >> 24U);
    }
    return bytes;
}

inline TensorSpec f16_tensor(std::string name, std::uint64_t tokens, std::uint64_t row) {
    return {std::move(name), "F16", {tokens, row}, 2 * tokens * row};
}

inline TensorSpec u8_tensor(std::string name, std::uint64_t tokens, std::uint64_t row_bytes) {
    return {std::move(name), "U8", {tokens, row_bytes}, tokens * row_bytes};
}

inline void fill_block(Block& block, std::uint32_t seed) {
    for (Position i = 0; i < block.spec.range.size(); ++i)
        block.spec.tokens.push_back(static_cast<Token>(seed * 1000 + i));
    block.image = rows_of(seed, block.spec.image_bytes());
}

// One layer of f16 rows of 4 elements: a file of under 1 KB.
inline Block small_block(std::uint8_t name = 0xa1, Position tokens = 3) {
    Block block;
    block.spec.name = digest_with(name);
    block.spec.parent = digest_with(0x99);
    block.spec.fingerprint = digest_with(0x77);
    block.spec.range = {256, 256 + tokens};
    block.spec.kv_type_k = "f16";
    block.spec.kv_type_v = "f16";
    block.spec.tensors = {f16_tensor("layer_0.key", tokens, 4), f16_tensor("layer_0.value", tokens, 4)};
    fill_block(block, name);
    return block;
}

// A window segment of quantised rows, keys only.
inline Block window_segment() {
    Block block;
    block.spec.kind = BlockKind::kWindow;
    block.spec.name = digest_with(0xa1);  // as small_block(): the two live beside each other
    block.spec.parent = digest_with(0x55);
    block.spec.fingerprint = digest_with(0x77);
    block.spec.range = {700, 768};
    block.spec.kv_type_k = "q8_0";
    block.spec.tensors = {u8_tensor("layer_5.key", 68, 34), u8_tensor("layer_11.key", 68, 34)};
    fill_block(block, 5);
    return block;
}

// A state of two layers, named as small_block() is: it lies in a directory of its own.
inline Block snapshot_state() {
    Block block;
    block.spec.kind = BlockKind::kSnapshot;
    block.spec.name = digest_with(0xa1);
    block.spec.parent = digest_with(0x56);
    block.spec.fingerprint = digest_with(0x77);
    block.spec.range = {512, 515};
    block.spec.tensors = {{"layer_1.r", "F32", {1, 12}, 48}, {"layer_1.s", "F32", {1, 32}, 128}};
    fill_block(block, 6);
    return block;
}

// A first block, full, of four frames; the last one is where image and tokens meet.
inline Block large_block() {
    Block block;
    block.spec.name = digest_with(0xb2);
    block.spec.fingerprint = digest_with(0x77);
    block.spec.range = {0, kBlockTokens};
    block.spec.kv_type_k = "f16";
    block.spec.kv_type_v = "f16";
    for (const char* layer : {"layer_0", "layer_1", "layer_2"}) {
        block.spec.tensors.push_back(f16_tensor(std::string(layer) + ".key", kBlockTokens, 290));
        block.spec.tensors.push_back(f16_tensor(std::string(layer) + ".value", kBlockTokens, 290));
    }
    fill_block(block, 6);
    return block;
}

template <class T>
T must_have(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

// The whole file as BlockFiles writes it.
inline std::string file_of(const Block& block) {
    const std::vector<std::byte> header = must_have(encode_header(block.spec, block.image));
    const std::vector<std::byte> tokens = encode_tokens(block.spec.tokens);
    std::string file;
    for (const std::vector<std::byte>* part : {&header, &block.image, &tokens})
        file.append(reinterpret_cast<const char*>(part->data()), part->size());
    return file;
}

inline std::size_t header_bytes_of(const std::string& file) {
    return kHeaderLengthBytes + must_have(decode_header_length(std::as_bytes(std::span(file)), file.size()));
}

// As the catalog would know a file that has these bytes: the size and the header's hash are right.
inline StoredBlock stored_as(const BlockSpec& spec, const std::string& file) {
    StoredBlock stored;
    stored.kind = spec.kind;
    stored.name = spec.name;
    stored.parent = spec.parent;
    stored.range = spec.range;
    stored.tokens = spec.tokens;
    stored.file_bytes = file.size();
    const auto length = decode_header_length(std::as_bytes(std::span(file)), file.size());
    const auto header = std::as_bytes(std::span(file)).first(length ? kHeaderLengthBytes + *length : 0);
    stored.header_hash = Sha256("").raw(header).finish();
    return stored;
}

class BlockFilesTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(blocks_.create_layout()); }

    StoredBlock write(const Block& block) { return must_have(blocks_.write(block.spec, block.image)); }
    std::string path_of(const Block& block) const {
        return blocks_.path_of(block.spec.kind, block.spec.name);
    }

    // "read", or the name of the error.
    std::string read(const StoredBlock& stored, const BlockSpec& expected) {
        return read_from(blocks_, stored, expected);
    }
    std::string read_from(BlockFiles& blocks, const StoredBlock& stored, const BlockSpec& expected) {
        const Status status = blocks.read(stored, expected, image_);
        return status ? "read" : to_string(status.error().code);
    }

    FaultFileSystem files_;
    BlockFiles blocks_{files_, "/store"};
    std::vector<std::byte> image_;
};

}  // namespace kvasir::test
