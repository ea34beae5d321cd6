// A composed state image, not copied together: headers that it owns, and rows or states that stay where they
// are, which its maker keeps until the image is gone. Value of its owner; made and read by one thread, pieces
// may then be read by several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kvasir {

class StatePieces {
  public:
    StatePieces() = default;
    StatePieces(StatePieces&&) = default;  // what is on the heap stays where it is
    StatePieces& operator=(StatePieces&&) = default;
    StatePieces(const StatePieces&) = delete;
    StatePieces& operator=(const StatePieces&) = delete;

    template <class T>
    void number(T value) {
        copy(std::as_bytes(std::span(&value, 1)));
    }
    void copy(std::span<const std::byte> bytes) {
        headers_.insert(headers_.end(), bytes.begin(), bytes.end());
    }
    // Only referred to.
    void refer(std::span<const std::byte> bytes) {
        close_header();
        if (!bytes.empty()) pieces_.push_back(bytes);
    }
    // Once, after the last of them; only then there are pieces to be had.
    void finish() {
        close_header();
        for (const Header& header : placed_) {
            pieces_[header.piece] = std::span<const std::byte>(headers_).subspan(header.begin, header.size);
        }
    }

    std::span<const std::span<const std::byte>> pieces() const { return pieces_; }
    std::uint64_t size() const {
        std::uint64_t bytes = 0;
        for (const auto& piece : pieces_) bytes += piece.size();
        return bytes;
    }
    // As llama.cpp's own functions take it.
    std::vector<std::byte> joined() const {
        std::vector<std::byte> image;
        image.reserve(size());
        for (const auto& piece : pieces_) image.insert(image.end(), piece.begin(), piece.end());
        return image;
    }

  private:
    struct Header {
        std::size_t piece = 0;
        std::size_t begin = 0;  // in headers_, which moves as it grows
        std::size_t size = 0;
    };

    void close_header() {
        const std::size_t begin = placed_.empty() ? 0 : placed_.back().begin + placed_.back().size;
        if (begin == headers_.size()) return;
        placed_.push_back({pieces_.size(), begin, headers_.size() - begin});
        pieces_.emplace_back();
    }

    std::vector<std::byte> headers_;
    std::vector<Header> placed_;
    std::vector<std::span<const std::byte>> pieces_;
};

}  // namespace kvasir
