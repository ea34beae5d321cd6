#include <cstddef>
#include <cstring>
#include <memory>

#include "fuzz/fuzz_target.h"

#if defined(__SANITIZE_ADDRESS__)
#define KVASIR_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KVASIR_HAS_ASAN 1
#endif
#endif

namespace kvasir::fuzz {

namespace {

enum class Planted { kNone, kAtAccepted, kAtRare };

Planted planted() {
    const char* where = std::getenv("KVASIR_FUZZ_PLANT");
    if (where == nullptr) return Planted::kNone;
    return std::strcmp(where, "rare") == 0 ? Planted::kAtRare : Planted::kAtAccepted;
}

}  // namespace

void meet_planted_bug(Outcome outcome) {
    static const Planted kPlanted = planted();
    const bool meets = (kPlanted == Planted::kAtAccepted && outcome != Outcome::kRefused) ||
                       (kPlanted == Planted::kAtRare && outcome == Outcome::kRare);
    if (!meets) return;
#ifdef KVASIR_HAS_ASAN
    constexpr std::size_t kBytes = 16;
    const auto bytes = std::make_unique<char[]>(kBytes);
    volatile std::size_t behind = kBytes;  // not known to the compiler
    bytes[behind] = 1;
#else
    std::fputs("fuzz: the planted bug was met\n", stderr);
    std::_Exit(1);  // not by a signal, which ctest takes for a failure whatever was printed
#endif
}

}  // namespace kvasir::fuzz
