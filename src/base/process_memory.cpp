#include "base/process_memory.h"

#include <cstdlib>  // says whether this is glibc

#ifdef __GLIBC__
#include <malloc.h>
#if __GLIBC_PREREQ(2, 33)
#define KVASIR_HAS_MALLINFO2 1
#endif
#endif

#ifdef __APPLE__
#include <mach/mach.h>
#else
#include <cstdio>
#include <memory>

#include <unistd.h>
#endif

namespace kvasir {

#ifdef __APPLE__

std::uint64_t process_resident_bytes() {
    mach_task_basic_info info{};
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    const kern_return_t code =
        ::task_info(::mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&info), &count);
    return code == KERN_SUCCESS ? info.resident_size : 0;
}

#else

std::uint64_t process_resident_bytes() {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "r"),
                                                               &std::fclose);
    unsigned long long total_pages = 0;
    unsigned long long resident_pages = 0;
    if (file == nullptr || std::fscanf(file.get(), "%llu %llu", &total_pages, &resident_pages) != 2) return 0;
    return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

#endif

std::uint64_t heap_bytes_in_use() {
#ifdef KVASIR_HAS_MALLINFO2
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;  // from the heap, and mapped one by one
#else
    return 0;
#endif
}

void use_one_heap() {
#ifdef __GLIBC__
    ::mallopt(M_ARENA_MAX, 1);
#endif
}

void give_back_freed_memory() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace kvasir
