// The two hashes: names (SHA-256) and damage (XXH3-128).
#include "micro/samples.h"
#include <benchmark/benchmark.h>

#include "base/hash.h"

namespace kvasir::micro {
namespace {

void count_bytes(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
}

void checksum_of_a_frame(benchmark::State& state) {
    const std::vector<std::byte> frame(kFrameBytes, std::byte{7});
    for (auto _ : state) benchmark::DoNotOptimize(frame_checksum(digest_of(1), 0, frame));
    count_bytes(state, frame.size());
}

void sha256_of_a_header(benchmark::State& state) {
    const std::vector<std::byte> header(64 * 1024, std::byte{7});
    for (auto _ : state) benchmark::DoNotOptimize(Sha256("micro").raw(header).finish());
    count_bytes(state, header.size());
}

// The names of all blocks of a conversation, as every turn computes them.
void names_of_a_chain(benchmark::State& state) {
    const std::vector<Token> tokens = some_tokens(static_cast<std::size_t>(state.range(0)));
    const ChainRoot root{digest_of(1), digest_of(2)};
    for (auto _ : state) benchmark::DoNotOptimize(chain_names(root, tokens));
    count_bytes(state, tokens.size() * sizeof(Token));
}

BENCHMARK(checksum_of_a_frame)->Unit(benchmark::kMicrosecond);
BENCHMARK(sha256_of_a_header)->Unit(benchmark::kMicrosecond);
BENCHMARK(names_of_a_chain)->RangeMultiplier(4)->Range(1024, 65536)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kvasir::micro
