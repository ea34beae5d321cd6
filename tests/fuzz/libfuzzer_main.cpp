// A target under libFuzzer.
#include "fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const kvasir::fuzz::Outcome outcome = kvasir::fuzz::run_target({data, size});
    kvasir::fuzz::meet_planted_bug(outcome);
    return 0;
}
