// Reads and writes the numbers and byte runs of a state image, with bounds. Shared by the files of the codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/result.h"

namespace kvasir {

inline tl::unexpected<Error> damaged_state(std::string_view what) {
    return fail(ErrorCode::kDamaged, fmt::format("the KV state is damaged: {}", what));
}

class StateReader {
  public:
    explicit StateReader(std::span<const std::byte> bytes) : left_(bytes) {}

    template <class T>
    Result<T> number() {
        if (left_.size() < sizeof(T)) return damaged_state("it is truncated");
        T value{};
        std::memcpy(&value, left_.data(), sizeof(T));
        left_ = left_.subspan(sizeof(T));
        return value;
    }
    Result<std::span<const std::byte>> bytes(std::uint64_t count) {
        if (left_.size() < count) return damaged_state("it is truncated");
        const auto taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }
    bool at_end() const { return left_.empty(); }
    std::size_t left() const { return left_.size(); }

  private:
    std::span<const std::byte> left_;
};

template <class T>
void put(std::vector<std::byte>& image, T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    image.insert(image.end(), bytes, bytes + sizeof(T));
}

inline void put_bytes(std::vector<std::byte>& image, std::span<const std::byte> bytes) {
    image.insert(image.end(), bytes.begin(), bytes.end());
}

}  // namespace kvasir
