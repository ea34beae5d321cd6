// Time as a dependency, so that tests own it. Thread-safe.
#pragma once

#include <cstdint>

namespace kvasir {

class Clock {
  public:
    virtual ~Clock() = default;
    virtual std::int64_t unix_ms() const = 0;       // wall clock, for records
    virtual std::int64_t monotonic_us() const = 0;  // for durations
};

const Clock& system_clock();

}  // namespace kvasir
