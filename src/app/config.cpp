#include "app/config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

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

std::string canonical_path(const std::string& path) {
    std::error_code failed;
    const auto there = std::filesystem::weakly_canonical(absolute_path(path), failed);
    return failed ? path : there.string();
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

constexpr std::size_t kModelNameBytesMax = 128;

bool is_model_name(const std::string& name) {
    return !name.empty() && name.size() <= kModelNameBytesMax &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == ':';
           });
}

std::string models_folder(const Config& config) { return home_of(config) + "/models"; }

namespace {

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

std::string demo_model() {
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

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    return parts;
}

// A file as it is; else a name of one that was pulled.
std::string path_of(const Config& config, const std::string& given) {
    if (exists(given) || given.find('/') != std::string::npos) return given;
    const std::string pulled = models_folder(config) + "/" + given + ".gguf";
    return exists(pulled) ? pulled : given;
}

std::string stem_of(const std::string& path) {
    std::string stem = std::filesystem::path(path).stem().string();
    for (char& c : stem) {
        if (!is_model_name(std::string(1, c))) c = '-';
    }
    return stem;
}

ModelSpec spec_of(const Config& config, const std::string& given) {
    const std::size_t equals = given.find('=');
    const auto names =
        equals == std::string::npos ? std::vector<std::string>() : split(given.substr(0, equals));
    const bool named =
        !names.empty() && !exists(given) && std::all_of(names.begin(), names.end(), is_model_name);
    if (named)
        return {names.front(), {names.begin() + 1, names.end()}, path_of(config, given.substr(equals + 1))};
    const std::string path = path_of(config, given);
    return {stem_of(path), {}, path};
}

}  // namespace

std::string model_of(const Config& config) {
    return config.models.empty() ? demo_model() : spec_of(config, config.models.front()).path;
}

Result<std::vector<ModelSpec>> models_of(const Config& config) {
    std::vector<ModelSpec> specs;
    for (const std::string& given : config.models) specs.push_back(spec_of(config, given));
    if (specs.empty()) specs.push_back(spec_of(config, demo_model()));
    if (specs.size() > kModelsMax)
        return fail(ErrorCode::kInvalidArgument,
                    "one server has at most " + std::to_string(kModelsMax) + " models (--model)");
    std::set<std::string> names;
    for (const ModelSpec& spec : specs) {
        std::vector<std::string> own = spec.aliases;
        own.push_back(spec.name);
        for (const std::string& name : own) {
            if (is_model_name(name) && names.insert(name).second) continue;
            return fail(ErrorCode::kInvalidArgument,
                        "two models are called '" + name +
                            "', or that is no name: give each a name of its own, --model NAME=FILE");
        }
    }
    return specs;
}

}  // namespace kvasir
