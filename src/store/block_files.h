// Immutable block files: write once in a crash-safe order, verify completely on every read, quarantine what
// fails.
//
//   blocks/<2 hex>/<64 hex>.safetensors           append plane
//   blocks/<2 hex>/<64 hex>.window.safetensors    window segment
//   snapshots/<2 hex>/<64 hex>.safetensors        snapshot
//   quarantine/                                   what failed verification, never read again
// Knows no catalog and no model. Thread-safe as far as its FileSystem is; two writers of one name are both
// right.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "store/block.h"
#include "store/block_reader.h"

namespace kvasir {

constexpr unsigned kBlockShards = 256;  // directories of a kind, by the first byte of the name

struct BlockFileFound {
    std::string path;
    std::optional<BlockName> name;  // nothing: it is not called like a block
    std::uint64_t size_bytes = 0;
};

class BlockFiles {
  public:
    // `root` is the store's directory; the file system must outlive this object.
    BlockFiles(FileSystem& file_system, std::string root);

    // Makes the directories and removes the temporary files of writes that died. The caller holds the store's
    // lock: nobody else writes now.
    Status create_layout();

    // Writes spec and image (spec.image_bytes() bytes) as a safetensors file: unique temporary name, write,
    // fsync, rename, fsync directory. Deterministic bytes. After a failed fsync once more under a new name.
    Result<StoredBlock> write(const BlockSpec& spec, std::span<const std::byte> image);

    // The same in two parts: any thread writes, and the listener's thread tells it.
    Result<StoredBlock> write_untold(const BlockSpec& spec, std::span<const std::byte> image);
    void tell_of(const Result<StoredBlock>& written) {
        if (on_write_) on_write_(written ? Status() : Status(fail(written.error())));
    }

    // block_files_read.cpp. Reads the row image of a stored block into `image` (resized, memory reused).
    // Verifies size, header hash, header structure against `expected` (all of it; a snapshot's only tensor
    // may have 0 bytes there: as many as the file has) and every frame's checksum. kDamaged: the caller
    // quarantines it; kNotFound.
    Status read(const StoredBlock& stored, const BlockSpec& expected, std::vector<std::byte>& image);

    // The same but for the rows, which the reader reads and verifies in parts.
    Result<BlockReader> open(const StoredBlock& stored, const BlockSpec& expected);

    // Bytes of that image, of which only the header is read and verified.
    Result<std::uint64_t> image_bytes(const StoredBlock& stored, const BlockSpec& expected);
    // Bytes [begin, begin + part.size()) of that image, verified as far as frames go that they lie in.
    Status read_part(const StoredBlock& stored, const BlockSpec& expected, std::uint64_t begin,
                     std::span<std::byte> part);

    // Moves the file to quarantine/ with a time stamp and writes `reason` beside it. Its name is free again.
    Status quarantine(BlockKind kind, const BlockName& name, const std::string& reason);
    Status remove(BlockKind kind,
                  const BlockName& name);  // durable when it returns; no error when it is not there
    // Removes every quarantined file of that block (erasure).
    Status remove_quarantined(BlockKind kind, const BlockName& name);

    std::string path_of(BlockKind kind, const BlockName& name) const;
    // Of all files that create_layout() came by and left.
    std::uint64_t bytes_found() const { return bytes_found_; }

    // block_files_check.cpp. All files whose names begin with that byte, but temporary ones.
    Result<std::vector<BlockFileFound>> list_shard(unsigned shard);
    Status sync_shard(unsigned shard);
    // As read(), for whoever knows no model: everything but the shapes of tensors, and that the name is what
    // salt, fingerprint, parent and tokens give.
    Status verify(const StoredBlock& stored, const ChainRoot& root);
    // Not verified but for its size.
    Status read_whole(const StoredBlock& stored, std::vector<std::byte>& bytes);

    // Told how every write ended.
    void on_write(std::function<void(const Status&)> listener) { on_write_ = std::move(listener); }

  private:
    // In the name of a file that somebody is still writing.
    static constexpr std::string_view kTemporaryMark = ".tmp-";

    std::string directory_of(BlockKind kind, const BlockName& name) const;
    Status create_shards(const std::string& directory);
    Result<DecodedHeader> read_header(const StoredBlock& stored, const BlockSpec& expected);
    Status check_tokens(const std::string& path, const DecodedHeader& decoded, const BlockSpec& expected);
    Status read_data(const std::string& path, const DecodedHeader& decoded, std::span<std::byte> data);
    std::vector<std::string> shard_directories(unsigned shard) const;

    FileSystem& file_system_;
    std::string root_;
    std::function<void(const Status&)> on_write_;
    std::atomic<std::uint64_t> next_temporary_{0};
    std::uint64_t bytes_found_ = 0;
};

}  // namespace kvasir
