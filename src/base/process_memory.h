// What the operating system says this process holds in memory. Thread-safe.
#pragma once

#include <cstdint>

namespace kvasir {

std::uint64_t process_resident_bytes();  // 0: the system does not tell

}  // namespace kvasir
