#include "app/config.h"

#include <array>
#include <cstdlib>
#include <filesystem>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

namespace kvasir {

std::string home_of(const Config& config) {
    if (!config.home.empty()) return config.home;
    const char* home = std::getenv("HOME");
    return std::string(home != nullptr ? home : ".") + "/.kvasir";
}

std::string absolute_path(const std::string& path) {
    std::error_code failed;
    const auto absolute = std::filesystem::absolute(path, failed);
    return failed ? path : absolute.string();
}

std::string executable_path() {
#if defined(__APPLE__)
    std::array<char, 4096> path{};
    std::uint32_t size = path.size();
    return ::_NSGetExecutablePath(path.data(), &size) == 0 ? path.data() : "kvasir";
#else
    std::error_code error;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? "kvasir" : path.string();
#endif
}

std::string model_of(const Config& config) {
    if (!config.model_path.empty()) return config.model_path;
    const std::filesystem::path directory = std::filesystem::path(executable_path()).parent_path();
    const std::array<std::filesystem::path, 2> places = {directory / "../share/kvasir/kvasir-demo.gguf",
                                                         KVASIR_DEMO_MODEL_PATH};
    std::error_code ignored;
    for (const auto& place : places) {
        if (std::filesystem::exists(place, ignored))
            return std::filesystem::weakly_canonical(place, ignored).string();
    }
    return places.back().string();
}

}  // namespace kvasir
