// What a fuzz target is: one function over bytes of an attacker. Each target is a file *_fuzz.cpp, linked
// with libFuzzer (preset fuzz) and with replay_main.cpp, which feeds it the committed corpus in every test
// run. Pure but for static state that a target makes once; one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace kvasir::fuzz {

using Input = std::span<const std::uint8_t>;

enum class Outcome {
    kRefused,
    kAccepted,
    kRare,  // accepted, and in a way that no file of the corpus is: what a planted bug waits for
};

// Defined once per target.
Outcome run_target(Input input);

// An invariant of the target: broken is a finding.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: broken: %s\n", what);
    std::abort();
}

inline std::string_view text_of(Input input) {
    return {reinterpret_cast<const char*>(input.data()), input.size()};
}

// The positive control. With KVASIR_FUZZ_PLANT=accepted (or =rare) in the environment, an input with that
// outcome meets a bug: a write behind the end of an array on the heap, or, where no sanitizer would see it,
// the end of the process.
void meet_planted_bug(Outcome outcome);

}  // namespace kvasir::fuzz
