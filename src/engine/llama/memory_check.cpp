#include "engine/llama/memory_check.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <fit.h>
#include <fmt/format.h>

#include "engine/llama/handles.h"

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace kvasir {

namespace {

// Left for everything that is not the engine's: catalog, buffers, the C library.
constexpr std::uint64_t kOtherBytes = std::uint64_t{64} * 1024 * 1024;

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::uint64_t number_in(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t value = 0;
    return file >> value ? value : kUnlimited;  // "max" and missing files are no limit
}

// Bytes left under one pair of limit and usage files.
std::uint64_t left_under(const std::string& limit_path, const std::string& usage_path) {
    const std::uint64_t limit = number_in(limit_path);
    const std::uint64_t usage = number_in(usage_path);
    if (limit == kUnlimited || usage == kUnlimited) return kUnlimited;
    return limit > usage ? limit - usage : 0;
}

#if !defined(__APPLE__)
std::uint64_t system_available() {
    std::ifstream file("/proc/meminfo");
    std::string key;
    std::uint64_t kilobytes = 0;
    std::string unit;
    while (file >> key >> kilobytes && std::getline(file, unit)) {
        if (key == "MemAvailable:") return kilobytes * 1024;
    }
    return kUnlimited;
}

// The memory cgroup of this process, version 1 or 2; "" when there is none.
std::string cgroup_path() {
    std::ifstream file("/proc/self/cgroup");
    std::string line;
    while (std::getline(file, line)) {
        if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
        const std::size_t controllers = line.find(":memory:");
        if (controllers != std::string::npos) return "/sys/fs/cgroup/memory" + line.substr(controllers + 8);
    }
    return {};
}
#endif

}  // namespace

Result<MemoryNeed> predict_memory(const char* model_path, const llama_model_params& model_params,
                                  const llama_context_params& context_params) {
    try {
        std::vector<ggml_backend_dev_t> devices;
        std::uint32_t gpu_layers = 0;
        std::uint32_t context_trained = 0;
        std::uint32_t experts = 0;
        const auto parts =
            common_get_device_memory_data(model_path, &model_params, &context_params, devices, gpu_layers,
                                          context_trained, experts, GGML_LOG_LEVEL_ERROR);
        MemoryNeed need;
        if (parts.empty()) return need;
        // The last entry is the host; the others are devices with memory of their own.
        need.weights_bytes = parts.back().model;
        need.kv_pool_bytes = parts.back().context;
        need.compute_bytes = parts.back().compute;
        return need;
    } catch (const std::exception& error) {
        const std::string lines = take_llama_errors();
        return fail(ErrorCode::kModelUnusable, fmt::format("the model {} cannot be loaded: {}", model_path,
                                                           lines.empty() ? error.what() : lines.c_str()));
    }
}

std::uint64_t available_memory_bytes() {
#if defined(__APPLE__)
    std::uint64_t bytes = 0;
    std::size_t size = sizeof(bytes);
    return ::sysctlbyname("hw.memsize", &bytes, &size, nullptr, 0) == 0 ? bytes * 3 / 4 : 0;
#else
    std::uint64_t available = system_available();
    const std::string own = cgroup_path();
    for (const std::string& group :
         {own, std::string("/sys/fs/cgroup"), std::string("/sys/fs/cgroup/memory")}) {
        if (group.empty()) continue;
        available = std::min(available, left_under(group + "/memory.max", group + "/memory.current"));
        available = std::min(available,
                             left_under(group + "/memory.limit_in_bytes", group + "/memory.usage_in_bytes"));
    }
    return available == kUnlimited ? 0 : available;
#endif
}

Status check_memory(const MemoryNeed& need, std::uint64_t available_bytes) {
    if (available_bytes == 0 || need.total() + kOtherBytes <= available_bytes) return {};
    const auto gigabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e9; };
    return fail(
        ErrorCode::kOutOfMemory,
        fmt::format("the model does not fit in memory: it needs {:.2f} GB (weights {:.2f}, KV cells {:.2f}, "
                    "compute {:.2f}, other {:.2f}) and {:.2f} GB are available; lower --ctx-size or "
                    "--max-agents, use -ctk q8_0 -ctv q8_0, or take a smaller model",
                    gigabytes(need.total() + kOtherBytes), gigabytes(need.weights_bytes),
                    gigabytes(need.kv_pool_bytes), gigabytes(need.compute_bytes), gigabytes(kOtherBytes),
                    gigabytes(available_bytes)));
}

}  // namespace kvasir
