// The two hashes of the project. SHA-256 gives identity (names of blocks, fingerprints): inputs are tagged
// and length-prefixed so that no two different inputs collide by concatenation. XXH3-128 detects damage of
// bytes on disk. Thread-safe: a Sha256 object belongs to one thread, the functions to all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/tokens.h"

namespace kvasir {

struct Digest256 {
    std::array<std::uint8_t, 32> bytes{};

    std::string hex() const;  // 64 lower-case characters
    static std::optional<Digest256> from_hex(std::string_view hex);
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 in what is defaulted for a pointer.
    friend auto operator<=>(const Digest256&, const Digest256&) = default;
};

struct Digest256Hash {
    std::size_t operator()(const Digest256& digest) const;
};

// Incremental SHA-256 over tagged, length-prefixed fields.
class Sha256 {
  public:
    explicit Sha256(std::string_view domain);  // domain tag, e.g. "kvasir.block.v1"
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    Sha256& field(std::string_view tag, std::string_view value);
    Sha256& field(std::string_view tag, const Digest256& value);
    Sha256& field(std::string_view tag, std::uint64_t value);  // little endian on every machine
    Sha256& field(std::string_view tag, std::span<const Token> tokens);
    Sha256& raw(std::span<const std::byte> bytes);  // for file contents: no tag, no length
    Digest256 finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

struct Checksum128 {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    std::string hex() const;  // 32 lower-case characters
    static std::optional<Checksum128> from_hex(std::string_view hex);
    friend bool operator==(const Checksum128&, const Checksum128&) = default;
};

// XXH3-128 of bytes, bound to what they belong to: the name of their file and their frame number.
Checksum128 frame_checksum(const Digest256& file_name, std::uint64_t frame_index,
                           std::span<const std::byte> bytes);

std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace kvasir
