// How much memory this process may still take: the least of what the system has and what its memory cgroup
// and the ones above it leave. Thread-safe.
#pragma once

#include <cstdint>

namespace kvasir {

std::uint64_t available_memory_bytes();  // 0: the system does not tell

}  // namespace kvasir
