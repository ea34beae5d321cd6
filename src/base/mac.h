// HMAC-SHA-256: that bytes were written by somebody who has the key. Thread-safe: an object belongs to one
// thread.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "base/hash.h"

namespace kvasir {

class Hmac256 {
  public:
    explicit Hmac256(std::span<const std::byte> key);
    explicit Hmac256(const Digest256& key) : Hmac256(std::as_bytes(std::span(key.bytes))) {}
    ~Hmac256();
    Hmac256(const Hmac256&) = delete;
    Hmac256& operator=(const Hmac256&) = delete;

    // Of all parts, one after the other.
    Digest256 of(std::initializer_list<std::span<const std::byte>> parts);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Takes the same time wherever they differ.
bool same_digest(const Digest256& a, const Digest256& b);

}  // namespace kvasir
