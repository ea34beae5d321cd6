// Reads the numbers and byte runs of a state image, with bounds. Shared by the files of the codec and by what
// hands an image to llama.cpp. Of the thread that made it; the bytes outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "base/result.h"

namespace kvasir {

inline tl::unexpected<Error> damaged_state(std::string_view what) {
    return fail(ErrorCode::kDamaged, fmt::format("the KV state is damaged: {}", what));
}

class StateReader {
  public:
    explicit StateReader(std::span<const std::byte> bytes) : piece_(bytes), left_(bytes.size()) {}
    // The pieces behind each other; what reaches from one into the next is refused as truncated.
    explicit StateReader(std::span<const std::span<const std::byte>> pieces) : later_(pieces) {
        for (const auto& piece : pieces) left_ += piece.size();
    }

    template <class T>
    Result<T> number() {
        T value{};
        KVASIR_TRY_ASSIGN(const auto taken, bytes(sizeof(T)));
        std::memcpy(&value, taken.data(), sizeof(T));
        return value;
    }
    Result<std::span<const std::byte>> bytes(std::uint64_t count) {
        while (piece_.empty() && !later_.empty()) {
            piece_ = later_.front();
            later_ = later_.subspan(1);
        }
        if (piece_.size() < count) return damaged_state("it is truncated");
        const auto taken = piece_.first(count);
        piece_ = piece_.subspan(count);
        left_ -= count;
        return taken;
    }
    bool at_end() const { return left_ == 0; }
    std::uint64_t left() const { return left_; }

  private:
    std::span<const std::byte> piece_;
    std::span<const std::span<const std::byte>> later_;
    std::uint64_t left_ = 0;
};

}  // namespace kvasir
