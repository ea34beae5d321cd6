// The store with its real disk: a turn's commit, references, a block written and read.
#include "micro/samples.h"
#include <benchmark/benchmark.h>

namespace kvasir::micro {
namespace {

void commit_of_a_turn(benchmark::State& state) {
    ScratchStore store;
    for (int i = 0; i < state.range(0); ++i) store.agent("other-" + std::to_string(i));
    AgentRecord agent = store.agent("speaker");
    for (auto _ : state) {
        NewTurn turn;
        turn.agent = agent.id;
        turn.expected_head = agent.head;
        turn.token_begin = agent.token_count;
        turn.tokens = some_tokens(64);
        turn.prompt_token_count = 32;
        turn.user_text = "What is the code of the old mill?";
        turn.assistant_text = "The code of the old mill is amber 42.";
        turn.finish_reason = "stop";
        const TurnRecord committed = value_or_exit(store->catalog().commit_turn(turn, 2));
        agent.head = committed.id;
        agent.token_count = committed.token_end();
    }
}

void write_block(benchmark::State& state) {
    ScratchStore store;
    BlockSpec spec = block_of_1b_shape();
    const std::vector<std::byte> image = image_of(spec);
    for (auto _ : state) {
        state.PauseTiming();
        done_or_exit(store->remove_file(spec.kind, spec.name));
        state.ResumeTiming();
        benchmark::DoNotOptimize(value_or_exit(store->blocks().write(spec, image)));
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(image.size()));
}

void read_block_page_cached(benchmark::State& state) {
    ScratchStore store;
    const BlockSpec spec = block_of_1b_shape();
    const StoredBlock stored = value_or_exit(store->blocks().write(spec, image_of(spec)));
    std::vector<std::byte> image;
    for (auto _ : state) done_or_exit(store->blocks().read(stored, spec, image));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(image.size()));
}

BENCHMARK(commit_of_a_turn)->Arg(0)->Arg(1000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(write_block)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(read_block_page_cached)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace kvasir::micro
