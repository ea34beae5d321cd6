// A target without libFuzzer: runs every file of the folders given, in the order of their names, and tells
// how they ended. Fails when no file was accepted or none refused: such a corpus would show nothing.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/fuzz_target.h"

namespace {

std::vector<std::filesystem::path> files_in(const char* folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<std::uint8_t> bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
    using kvasir::fuzz::Outcome;
    std::array<int, 3> counts{};
    for (int i = 1; i < argc; ++i) {
        for (const auto& path : files_in(argv[i])) {
            const std::vector<std::uint8_t> bytes = bytes_of(path);
            const Outcome outcome = kvasir::fuzz::run_target(bytes);
            if (std::getenv("KVASIR_FUZZ_TELL") != nullptr)
                std::printf("%s: %d\n", path.c_str(), static_cast<int>(outcome));
            ++counts.at(static_cast<std::size_t>(outcome));
            kvasir::fuzz::meet_planted_bug(outcome);
        }
    }
    const int accepted = counts[1] + counts[2];
    std::printf("%d inputs accepted (%d of them rare), %d refused\n", accepted, counts[2], counts[0]);
    return accepted > 0 && counts[0] > 0 ? 0 : 1;
}
