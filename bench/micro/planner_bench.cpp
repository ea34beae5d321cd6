// Planning: what a restore takes from disk, by the length of the conversation and by how many others are
// stored; rows of a step.
#include "micro/samples.h"
#include <benchmark/benchmark.h>

#include "memory/restore_plan.h"
#include "memory/token_chain.h"
#include "sched/batch_plan.h"
#include "support/fake_engine.h"

namespace kvasir::micro {
namespace {

constexpr Position kTokensOfOthers = 2048;

// Rows of the catalog alone: planning opens no file.
void add_chain(Store& store, const ChainRoot& root, const AgentRecord& agent,
               const std::vector<Token>& tokens) {
    const TokenChain chain(root, tokens);
    std::vector<StoredBlock> blocks;
    std::vector<BlockName> names;
    for (const TokenRange range : TokenChain::block_ranges(chain.size())) {
        StoredBlock block;
        block.name = chain.name_at(range.end);
        block.parent = chain.parent_of(range.begin);
        block.range = range;
        const auto part = chain.tokens(range);
        block.tokens.assign(part.begin(), part.end());
        block.header_hash = digest_of(9);
        block.file_bytes = 1 << 20;
        names.push_back(block.name);
        blocks.push_back(std::move(block));
    }
    value_or_exit(store.catalog().set_references(agent.id, BranchId{1}, blocks, root.fingerprint, names, 1));
}

void plan_of_a_restore(benchmark::State& state) {
    ScratchStore store;
    test::FakeEngine engine;
    const ChainRoot root{store->catalog().tenant_salt(), engine.fingerprint().digest()};
    const std::vector<Token> tokens = some_tokens(static_cast<std::size_t>(state.range(0)) + 40);
    add_chain(*store, root, store.agent("speaker"), tokens);
    for (int i = 0; i < state.range(1); ++i)
        add_chain(*store, root, store.agent("other-" + std::to_string(i)),
                  some_tokens(kTokensOfOthers, 2 + i));
    const KvContext context{engine, *store, root};
    RestoreRequest request;
    request.tokens = tokens;
    request.position_max = static_cast<Position>(tokens.size()) - 1;
    for (auto _ : state) {
        const RestorePlan plan = value_or_exit(plan_restore(context, request));
        if (plan.append.empty()) state.SkipWithError("nothing was found");
    }
}

void plan_of_a_step(benchmark::State& state) {
    std::vector<TurnNeed> needs(static_cast<std::size_t>(state.range(0)), TurnNeed{});
    needs.front() = {TurnNeed::Rows::kPrompt, 9000};
    for (auto _ : state) benchmark::DoNotOptimize(plan_batch(needs, {}));
}

BENCHMARK(plan_of_a_restore)
    ->ArgNames({"tokens", "others"})
    ->Args({1024, 0})
    ->Args({4096, 0})
    ->Args({16384, 0})
    ->Args({4096, 200})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(plan_of_a_step)->Arg(4)->Arg(64);

}  // namespace
}  // namespace kvasir::micro

BENCHMARK_MAIN();
