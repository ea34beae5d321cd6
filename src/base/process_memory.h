// What the operating system says this process holds in memory. Thread-safe.
#pragma once

#include <cstdint>

namespace kvasir {

std::uint64_t process_resident_bytes();  // 0: the system does not tell

// What was allocated and not freed, however little of it the process ever touched, without what freed pieces
// lie between. 0: the system does not tell.
std::uint64_t heap_bytes_in_use();

// All threads allocate from one heap, where that can be asked for: what one frees another uses, at the price
// of a lock. Before threads are started.
void use_one_heap();

// Gives what was freed, but is still held for later use, back to the system, where that can be asked for.
void give_back_freed_memory();

}  // namespace kvasir
