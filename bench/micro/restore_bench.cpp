// A restore as the program does it, block by block: file in the page cache -> verified rows -> pool of cells;
// the steps of it alone; and a copy of as many bytes, by which docs/performance.md measures it.
//
// The model has the shape of Qwen 3 0.6B and few tokens to choose from; it is written beside the store, 250
// MB, when the first of these runs, and is gone at the end.
#include <cstring>
#include <filesystem>
#include <optional>

#include "micro/samples.h"
#include <benchmark/benchmark.h>

#include "engine/llama_engine.h"
#include "engine/synth_model.h"
#include "memory/kv_loader.h"
#include "memory/row_image.h"

namespace kvasir::micro {
namespace {

constexpr Position kRestoredTokens = 16 * kBlockTokens;
constexpr std::uint16_t kLargestHalf = 0x7bff;

std::unique_ptr<Engine> engine_of_0_6b_shape(const std::string& folder) {
    SynthOptions synth;
    synth.shape = "qwen3-0.6b";
    synth.vocabulary = 8192;
    synth.tokenizer_path = KVASIR_DEMO_MODEL;
    synth.output_path = folder + "/model.gguf";
    value_or_exit(write_synth_model(synth));
    LlamaOptions options;
    options.model_path = synth.output_path;
    options.context_tokens = kRestoredTokens + kBlockTokens;
    options.sequences = 1;
    return value_or_exit(open_llama_engine(options));
}

std::vector<std::byte> finite_rows(std::size_t size) {
    std::vector<std::byte> rows(size);
    for (std::size_t i = 0; i + 2 <= size; i += 2) {
        const auto half = static_cast<std::uint16_t>(i * 2654435761U % kLargestHalf);
        std::memcpy(rows.data() + i, &half, sizeof(half));
    }
    return rows;
}

// An engine and a store that holds the blocks of one agent.
class StoredAgent {
  public:
    static StoredAgent& shared() {
        static StoredAgent agent;
        return agent;
    }

    Engine& engine() { return *engine_; }
    KvContext context() { return {*engine_, *store_, {digest_of(1), digest_of(2)}}; }
    const std::vector<PlannedBlock>& blocks() const { return blocks_; }
    std::uint64_t block_bytes() const {
        return engine_->kv_layout().row_bytes(Plane::kAppend) * kBlockTokens;
    }

  private:
    StoredAgent() : engine_(engine_of_0_6b_shape(store_.folder())) {
        const std::vector<std::byte> rows = finite_rows(block_bytes());
        std::optional<BlockName> parent;
        for (Position begin = 0; begin < kRestoredTokens; begin += kBlockTokens) {
            const TokenRange range{begin, begin + kBlockTokens};
            const BlockName name = digest_of(static_cast<std::uint8_t>(16 + begin / kBlockTokens));
            const BlockSpec spec = make_block_spec(context(), {BlockKind::kAppend, name, parent, range},
                                                   some_tokens(kBlockTokens));
            blocks_.push_back({value_or_exit(store_->blocks().write(spec, rows)), range});
            parent = name;
        }
    }

    ScratchStore store_;
    std::unique_ptr<Engine> engine_;
    std::vector<PlannedBlock> blocks_;
};

void set_bytes(benchmark::State& state, std::uint64_t bytes_each) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes_each));
}

void restore_page_cached(benchmark::State& state) {
    StoredAgent& agent = StoredAgent::shared();
    KvLoader loader(agent.context());
    const SequenceId sequence = value_or_exit(agent.engine().open_sequence());
    for (auto _ : state) {
        for (const PlannedBlock& block : agent.blocks()) done_or_exit(loader.import_block(sequence, block));
        done_or_exit(agent.engine().rewind(sequence, 0));
    }
    agent.engine().close_sequence(sequence);
    set_bytes(state, agent.block_bytes() * agent.blocks().size());
}

void restore_reading_alone(benchmark::State& state) {
    StoredAgent& agent = StoredAgent::shared();
    KvContext context = agent.context();
    std::vector<std::byte> image;
    for (auto _ : state) {
        for (const PlannedBlock& planned : agent.blocks()) {
            const StoredBlock& block = planned.block;
            const BlockSpec spec =
                make_block_spec(context, {block.kind, block.name, block.parent, block.range}, block.tokens);
            done_or_exit(context.store.blocks().read(block, spec, image));
        }
    }
    set_bytes(state, agent.block_bytes() * agent.blocks().size());
}

void restore_importing_alone(benchmark::State& state) {
    StoredAgent& agent = StoredAgent::shared();
    const std::vector<std::byte> rows = finite_rows(agent.block_bytes());
    const SequenceId sequence = value_or_exit(agent.engine().open_sequence());
    for (auto _ : state) {
        for (const PlannedBlock& block : agent.blocks())
            done_or_exit(agent.engine().import_rows(sequence, Plane::kAppend, block.part, rows));
        done_or_exit(agent.engine().rewind(sequence, 0));
    }
    agent.engine().close_sequence(sequence);
    set_bytes(state, agent.block_bytes() * agent.blocks().size());
}

// A save's copy out of the pool, block by block. kFresh: memory that nobody touched before.
enum class Into { kUsed, kFresh };

void save_exporting_alone(benchmark::State& state, Into into) {
    StoredAgent& agent = StoredAgent::shared();
    KvLoader loader(agent.context());
    const SequenceId sequence = value_or_exit(agent.engine().open_sequence());
    for (const PlannedBlock& block : agent.blocks()) done_or_exit(loader.import_block(sequence, block));
    std::vector<std::byte> rows;
    for (auto _ : state) {
        for (const PlannedBlock& block : agent.blocks()) {
            if (into == Into::kFresh) std::vector<std::byte>().swap(rows);
            done_or_exit(agent.engine().export_rows(sequence, Plane::kAppend, block.part, rows));
        }
    }
    agent.engine().close_sequence(sequence);
    set_bytes(state, agent.block_bytes() * agent.blocks().size());
}

void copy_in_memory(benchmark::State& state) {
    const std::size_t bytes = std::size_t{256} << 20;
    const std::vector<std::byte> from(bytes, std::byte{1});
    std::vector<std::byte> to(bytes);
    for (auto _ : state) {
        std::memcpy(to.data(), from.data(), bytes);
        benchmark::ClobberMemory();
    }
    set_bytes(state, bytes);
}

BENCHMARK(restore_page_cached)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(restore_reading_alone)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(restore_importing_alone)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(save_exporting_alone, used, Into::kUsed)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(save_exporting_alone, fresh, Into::kFresh)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(copy_in_memory)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace kvasir::micro
