#include "base/available_memory.h"

#ifdef __APPLE__
#include <mach/mach.h>
#else
#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#endif

namespace kvasir {

#ifdef __APPLE__

std::uint64_t available_memory_bytes() {
    vm_statistics64_data_t pages{};
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
    vm_size_t page_bytes = 0;
    const mach_port_t host = ::mach_host_self();
    if (::host_page_size(host, &page_bytes) != KERN_SUCCESS) return 0;
    if (::host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &count) !=
        KERN_SUCCESS) {
        return 0;
    }
    return (std::uint64_t{pages.free_count} + pages.inactive_count + pages.purgeable_count) * page_bytes;
}

#else

namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::uint64_t number_in(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t value = 0;
    return file >> value ? value : kUnlimited;  // "max" and missing files are no limit
}

// The value behind a key, in files of one "key value ..." per line.
std::uint64_t value_of(const std::string& path, const std::string& key, std::uint64_t otherwise) {
    std::ifstream file(path);
    std::string name;
    std::uint64_t value = 0;
    std::string rest;
    while (file >> name >> value && std::getline(file, rest)) {
        if (name == key) return value;
    }
    return otherwise;
}

struct CgroupFiles {
    const char* limit;
    const char* usage;
    const char* cache_active;  // keys in memory.stat
    const char* cache_inactive;
};
constexpr CgroupFiles kVersion2 = {"/memory.max", "/memory.current", "active_file", "inactive_file"};
constexpr CgroupFiles kVersion1 = {"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_active_file",
                                   "total_inactive_file"};

std::uint64_t left_in(const std::string& group, const CgroupFiles& files) {
    const std::uint64_t limit = number_in(group + files.limit);
    const std::uint64_t usage = number_in(group + files.usage);
    if (limit == kUnlimited || usage == kUnlimited) return kUnlimited;
    // The page cache counts as used, but the kernel drops it when memory is wanted: a model file that was
    // just hashed must not look like memory that is gone.
    const std::uint64_t cache = value_of(group + "/memory.stat", files.cache_active, 0) +
                                value_of(group + "/memory.stat", files.cache_inactive, 0);
    const std::uint64_t held = usage > cache ? usage - cache : 0;
    return limit > held ? limit - held : 0;
}

// A group and all above it, up to and with `root`.
std::uint64_t left_up_to_root(const std::string& root, std::string path, const CgroupFiles& files) {
    std::uint64_t left = left_in(root, files);
    while (path.size() > 1) {
        left = std::min(left, left_in(root + path, files));
        path.resize(path.find_last_of('/'));
    }
    return left;
}

std::uint64_t left_by_cgroups() {
    std::ifstream file("/proc/self/cgroup");
    std::string line;
    std::uint64_t left = kUnlimited;
    while (std::getline(file, line)) {
        if (line.starts_with("0::/")) {
            left = std::min(left, left_up_to_root("/sys/fs/cgroup", line.substr(3), kVersion2));
        } else if (const std::size_t at = line.find(":memory:/"); at != std::string::npos) {
            left = std::min(left, left_up_to_root("/sys/fs/cgroup/memory", line.substr(at + 8), kVersion1));
        }
    }
    return left;
}

}  // namespace

std::uint64_t available_memory_bytes() {
    const std::uint64_t kilobytes = value_of("/proc/meminfo", "MemAvailable:", kUnlimited);
    const std::uint64_t system = kilobytes == kUnlimited ? kUnlimited : kilobytes * 1024;
    const std::uint64_t available = std::min(system, left_by_cgroups());
    return available == kUnlimited ? 0 : available;
}

#endif

}  // namespace kvasir
