// Values taken off the front of a fuzzer's bytes; zeros and empty texts when they run out. One target's; a
// value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "fuzz/fuzz_target.h"

namespace kvasir::fuzz {

class ByteFeed {
  public:
    explicit ByteFeed(Input input) : left_(input) {}

    bool empty() const { return left_.empty(); }
    std::uint8_t byte() { return bytes(1).empty() ? std::uint8_t{0} : last_; }
    std::int64_t number() {  // 8 bytes, little endian
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 8) value |= std::uint64_t{byte()} << shift;
        return static_cast<std::int64_t>(value);
    }
    Input bytes(std::size_t count) {
        const Input taken = left_.first(std::min(count, left_.size()));
        left_ = left_.subspan(taken.size());
        if (!taken.empty()) last_ = taken.back();
        return taken;
    }
    Input rest() { return bytes(left_.size()); }
    std::string text() {  // one byte of length
        const std::size_t size = byte();
        return std::string(text_of(bytes(size)));
    }

  private:
    Input left_;
    std::uint8_t last_ = 0;
};

}  // namespace kvasir::fuzz
