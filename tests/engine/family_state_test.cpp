// Every kind of KV state that the engine knows: rows of other shapes (MLA, chunked windows, positions in a
// plane), states of recurrent layers, and states that nobody takes apart. What was exported and imported
// elsewhere gives the logits of a sequence that never stopped, to the last bit; what is lost, altered or
// another's is refused or seen.
#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/live_engine.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

constexpr Position kTokensAfter = 12;
constexpr Position kCount = 300;

std::string path_of(const std::string& model) { return KVASIR_TEST_MODELS_DIR "/" + model + ".gguf"; }

struct Saved {
    std::vector<SavedRows> rows;
    std::vector<std::byte> snapshot;
    Position end = 0;
};

Saved save_all(Engine& engine, SequenceId sequence) {
    Saved saved{save(engine, sequence), {}, engine.length(sequence)};
    if (!engine.kv_layout().has_snapshot()) return saved;
    const Status exported = engine.export_snapshot(sequence, saved.snapshot);
    if (!exported) throw std::runtime_error(exported.error().message);
    return saved;
}

Status restore_all(Engine& engine, SequenceId sequence, const Saved& saved) {
    KVASIR_TRY(restore(engine, sequence, saved.rows));
    if (!engine.kv_layout().has_snapshot()) return {};
    return engine.import_snapshot(sequence, saved.end, saved.snapshot);
}

class FamilyState : public testing::TestWithParam<const char*> {
  protected:
    std::unique_ptr<Engine> open() const { return open_or_throw(exact_options(path_of(GetParam()))); }
    static std::vector<Token> tokens(const Engine& engine, std::uint32_t seed, Position count) {
        return random_tokens(engine, seed, count);
    }
};

struct NeverStopped {
    std::vector<Logits> logits;
    Saved saved;
};

constexpr Token kNext = 9;

NeverStopped run(Engine& engine, std::uint32_t seed, Position count) {
    NeverStopped never;
    const SequenceId sequence = open_sequence(engine);
    EXPECT_TRUE(feed(engine, sequence, random_tokens(engine, seed, count)));
    never.saved = save_all(engine, sequence);
    never.logits = continue_greedily(engine, sequence, kNext, kTokensAfter);
    engine.close_sequence(sequence);
    return never;
}

TEST_P(FamilyState, RestoredElsewhereBesideAnotherItIsTheSame) {
    for (const Position count : {Position{1}, Position{40}, kCount}) {
        const auto engine = open();
        const NeverStopped never = run(*engine, 1, count);
        const auto again = open();
        const SequenceId other = open_sequence(*again);
        ASSERT_TRUE(feed(*again, other, tokens(*again, 77, 50)));
        const SequenceId sequence = open_sequence(*again);
        const Status restored = restore_all(*again, sequence, never.saved);
        ASSERT_TRUE(restored) << restored.error().message;
        ASSERT_EQ(again->length(sequence), count);
        ASSERT_TRUE(feed(*again, other, tokens(*again, 78, 7)));
        EXPECT_EQ(continue_greedily(*again, sequence, kNext, kTokensAfter), never.logits) << count;
    }
}

TEST_P(FamilyState, AForkContinuesAsItsSourceAndLeavesItAlone) {
    const auto engine = open();
    const NeverStopped never = run(*engine, 1, 200);
    const SequenceId source = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, source, tokens(*engine, 1, 200)));
    const SequenceId fork = open_sequence(*engine);
    const Status forked = engine->fork(source, fork, 200);
    ASSERT_TRUE(forked) << forked.error().message;
    EXPECT_EQ(engine->length(fork), 200U);
    ASSERT_TRUE(feed(*engine, fork, {5, 6, 7, 8}));
    EXPECT_EQ(continue_greedily(*engine, source, kNext, kTokensAfter), never.logits);
    const auto fresh = open();
    const SequenceId alone = open_sequence(*fresh);
    ASSERT_TRUE(feed(*fresh, alone, tokens(*fresh, 1, 200)));
    ASSERT_TRUE(feed(*fresh, alone, {5, 6, 7, 8}));
    EXPECT_EQ(continue_greedily(*engine, fork, kNext, 3), continue_greedily(*fresh, alone, kNext, 3));
}

INSTANTIATE_TEST_SUITE_P(Models, FamilyState,
                         testing::Values("deepseek2-moe", "qwen3moe-moe", "qwen2vl-dense", "llama4-moe",
                                         "gpt-oss-moe", "cohere2-dense", "mamba-dense", "mamba2-dense",
                                         "qwen35-dense", "jamba-dense", "falcon-h1-dense", "lfm2-dense",
                                         "minimax-m3-moe", "qwen4exp-moe"),
                         [](const auto& model) {
                             std::string name = model.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

class SnapshotState : public FamilyState {};

TEST_P(SnapshotState, AnEarlierStateRewinds) {
    const auto engine = open();
    const NeverStopped never = run(*engine, 1, 200);
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, sequence, tokens(*engine, 1, 200)));
    std::vector<std::byte> state;
    ASSERT_TRUE(engine->export_snapshot(sequence, state));
    ASSERT_TRUE(feed(*engine, sequence, tokens(*engine, 2, 40)));
    EXPECT_EQ(engine->rewind_floor(sequence), 240U);
    EXPECT_FALSE(engine->rewind(sequence, 200)) << "the state at 200 is not there";
    const Status imported = engine->import_snapshot(sequence, 200, state);
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_EQ(engine->length(sequence), 200U);
    EXPECT_EQ(continue_greedily(*engine, sequence, kNext, kTokensAfter), never.logits);
}

TEST_P(SnapshotState, WithoutItNothingGoesOn) {
    const auto engine = open();
    const NeverStopped never = run(*engine, 1, kCount);
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(restore(*engine, sequence, never.saved.rows));
    EXPECT_EQ(engine->length(sequence), 0U);
    const BatchRow row{sequence, kNext, kCount, true};
    EXPECT_FALSE(engine->decode(std::span(&row, 1)));
}

TEST_P(SnapshotState, AnotherPlaceOrSizeIsRefusedAndLeavesItClean) {
    const auto engine = open();
    const NeverStopped never = run(*engine, 1, kCount);
    const auto refused = [&](Position position, std::vector<std::byte> state) {
        const SequenceId sequence = open_sequence(*engine);
        EXPECT_TRUE(restore(*engine, sequence, never.saved.rows));
        EXPECT_FALSE(engine->import_snapshot(sequence, position, state));
        EXPECT_EQ(engine->length(sequence), 0U);
        EXPECT_EQ(engine->append_cells(sequence), 0U);
        engine->close_sequence(sequence);
    };
    std::vector<std::byte> shorter = never.saved.snapshot;
    shorter.pop_back();
    refused(kCount, shorter);
    refused(kCount, {});
    refused(0, never.saved.snapshot);
    refused(5000, never.saved.snapshot);
    if (engine->kv_layout().has_rows()) refused(kCount + 1, never.saved.snapshot);
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(restore_all(*engine, sequence, never.saved)) << "the control";
    EXPECT_EQ(continue_greedily(*engine, sequence, kNext, kTokensAfter), never.logits);
}

INSTANTIATE_TEST_SUITE_P(Models, SnapshotState,
                         testing::Values("mamba-dense", "mamba2-dense", "qwen35-dense", "jamba-dense",
                                         "falcon-h1-dense", "lfm2-dense", "minimax-m3-moe", "qwen4exp-moe"),
                         [](const auto& model) {
                             std::string name = model.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

class StateControl : public FamilyState {};

// The controls of the comparison: one number of the state altered, the state of another position, of another
// agent.
TEST_P(StateControl, WhatIsNotTheRightStateIsSeen) {
    const auto engine = open();
    const NeverStopped never = run(*engine, 1, kCount);
    const NeverStopped other = run(*engine, 2, kCount);
    const NeverStopped earlier = run(*engine, 1, kCount - 1);
    const auto logits_with = [&](const std::vector<std::byte>& state) {
        const SequenceId sequence = open_sequence(*engine);
        EXPECT_TRUE(restore(*engine, sequence, never.saved.rows));
        const Status imported = engine->import_snapshot(sequence, kCount, state);
        EXPECT_TRUE(imported) << imported.error().message;
        auto logits = continue_greedily(*engine, sequence, kNext, kTokensAfter);
        engine->close_sequence(sequence);
        return logits;
    };
    EXPECT_EQ(logits_with(never.saved.snapshot), never.logits);
    EXPECT_NE(logits_with(other.saved.snapshot), never.logits);
    EXPECT_NE(logits_with(earlier.saved.snapshot), never.logits);
    std::vector<std::byte> altered = never.saved.snapshot;
    altered[3] ^= std::byte{0x80};  // the sign of the first number
    altered[altered.size() - 1] ^= std::byte{0x80};
    EXPECT_NE(logits_with(altered), never.logits);
}

TEST_P(StateControl, NumbersThatAreNotFiniteAreRefused) {
    const auto engine = open();
    NeverStopped never = run(*engine, 1, kCount);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        for (const std::size_t at : {std::size_t{0}, never.saved.snapshot.size() / 8 * 4,
                                     never.saved.snapshot.size() - sizeof(float)}) {
            std::vector<std::byte> state = never.saved.snapshot;
            std::memcpy(state.data() + at, &bad, sizeof bad);
            const SequenceId sequence = open_sequence(*engine);
            ASSERT_TRUE(restore(*engine, sequence, never.saved.rows));
            const Status imported = engine->import_snapshot(sequence, kCount, state);
            ASSERT_FALSE(imported);
            EXPECT_THAT(imported.error().message, HasSubstr("not finite"));
            engine->close_sequence(sequence);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, StateControl,
                         testing::Values("mamba-dense", "mamba2-dense", "qwen35-dense", "jamba-dense",
                                         "falcon-h1-dense"),
                         [](const auto& model) {
                             std::string name = model.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(Families, AreDescribedAsWhatTheyAre) {
    const auto layout = [](const char* model) {
        return open_or_throw(exact_options(path_of(model)))->kv_layout();
    };
    const KvLayout mla = layout("deepseek2-moe");
    EXPECT_TRUE(mla.has_rows());
    EXPECT_EQ(mla.append.front().value_row_bytes, 0U);
    EXPECT_EQ(layout("llama4-moe").window_shape, WindowShape::kChunked);
    EXPECT_EQ(layout("llama4-moe").window_tokens, 8192U);
    EXPECT_EQ(layout("mamba-dense").snapshot_form, SnapshotForm::kParts);
    EXPECT_FALSE(layout("mamba-dense").has_rows());
    const KvLayout hybrid = layout("qwen35-dense");
    EXPECT_TRUE(hybrid.has_rows());
    EXPECT_EQ(hybrid.snapshot.front().name, "layer_0.r");
    EXPECT_EQ(layout("minimax-m3-moe").snapshot_form, SnapshotForm::kOpaque);
    EXPECT_FALSE(layout("minimax-m3-moe").has_rows());
    // This fixture's attention layers all slide.
    EXPECT_EQ(layout("lfm2-dense").snapshot_form, SnapshotForm::kOpaque);
}

}  // namespace
}  // namespace kvasir::test
