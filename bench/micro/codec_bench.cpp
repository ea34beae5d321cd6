// Encoding, decoding and verification of block files, beside what copying the same bytes takes.
#include <cstring>

#include "micro/samples.h"
#include <benchmark/benchmark.h>

#include "store/kv_file.h"

namespace kvasir::micro {
namespace {

std::vector<std::byte> data_section(const BlockSpec& spec) {
    std::vector<std::byte> data = image_of(spec);
    const std::vector<std::byte> tokens = encode_tokens(spec.tokens);
    data.insert(data.end(), tokens.begin(), tokens.end());
    return data;
}

void count_bytes(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
}

void copy_block(benchmark::State& state) {
    const std::vector<std::byte> from = data_section(block_of_1b_shape());
    std::vector<std::byte> to(from.size());
    for (auto _ : state) {
        std::memcpy(to.data(), from.data(), from.size());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    count_bytes(state, from.size());
}

void encode_block_header(benchmark::State& state) {  // computes all checksums
    const BlockSpec spec = block_of_1b_shape();
    const std::vector<std::byte> image = image_of(spec);
    for (auto _ : state) benchmark::DoNotOptimize(value_or_exit(encode_header(spec, image)));
    count_bytes(state, image.size());
}

void decode_block_header(benchmark::State& state) {
    const BlockSpec spec = block_of_1b_shape();
    const std::vector<std::byte> header = value_or_exit(encode_header(spec, image_of(spec)));
    const std::uint64_t file_bytes = header.size() + data_bytes(spec);
    for (auto _ : state) benchmark::DoNotOptimize(value_or_exit(decode_header(header, file_bytes)));
}

void verify_block(benchmark::State& state) {
    const BlockSpec spec = block_of_1b_shape();
    const std::vector<std::byte> header = value_or_exit(encode_header(spec, image_of(spec)));
    const std::vector<std::byte> data = data_section(spec);
    const DecodedHeader decoded = value_or_exit(decode_header(header, header.size() + data.size()));
    for (auto _ : state) done_or_exit(verify_frames(decoded, data));
    count_bytes(state, data.size());
}

BENCHMARK(copy_block)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_block_header)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_block_header)->Unit(benchmark::kMicrosecond);
BENCHMARK(verify_block)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvasir::micro
