// Restored == never stopped: random conversations with evictions, loads and restarts against the same
// conversations undisturbed. Every logits vector that was sampled from must be the same to the last bit.
#include <algorithm>

#include "oracle/oracle_run.h"
#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

constexpr std::uint32_t kConversations = 6;
constexpr std::uint32_t kAgents = 3;
constexpr std::uint32_t kMessages = 12;

class Oracle : public testing::TestWithParam<OracleModel> {
  protected:
    OracleOptions options(Interruptions interruptions, Sabotage sabotage = Sabotage::kNone) const {
        OracleOptions options;
        options.model = GetParam();
        options.interruptions = interruptions;
        options.sabotage = sabotage;
        return options;
    }
};

class PlainOracle : public Oracle {};
class WindowOracle : public Oracle {};

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// Index of the first logits vector that differs, kNone when both runs computed the same ones.
std::size_t first_difference(const OracleOutcome& a, const OracleOutcome& b) {
    for (std::size_t i = 0; i < std::max(a.witness.size(), b.witness.size()); ++i) {
        if (i >= a.witness.size() || i >= b.witness.size() || a.witness[i] != b.witness[i]) return i;
    }
    return kNone;
}

TEST_P(Oracle, LogitsAreIdenticalToNeverStopped) {
    std::uint64_t restored_tokens = 0;
    for (std::uint32_t seed = 1; seed <= kConversations; ++seed) {
        const std::vector<Step> steps = random_conversation(seed, seed % 2 == 0 ? kAgents : 1, kMessages);
        const auto undisturbed = play(steps, options(Interruptions::kIgnored));
        ASSERT_TRUE(undisturbed) << undisturbed.error().message;
        const auto interrupted = play(steps, options(Interruptions::kPlayed));
        ASSERT_TRUE(interrupted) << interrupted.error().message;
        EXPECT_EQ(first_difference(*undisturbed, *interrupted), kNone) << "seed " << seed;
        EXPECT_EQ(undisturbed->answers, interrupted->answers) << "seed " << seed;
        EXPECT_TRUE(interrupted->warnings.empty())
            << "seed " << seed << ": " << interrupted->warnings.front();
        restored_tokens += interrupted->restored_tokens;
    }
    EXPECT_GT(restored_tokens, 1000U) << "too few tokens came from disk for this test to mean anything";
}

// One agent alone keeps its cells in place even with batches that are summed in tiles. Plain models only:
// restored window rows lie in other cells than before, so tiles of 64 cells have other borders.
TEST_P(PlainOracle, OneAgentIsExactWithLargeBatchesToo) {
    const std::vector<Step> steps = random_conversation(9, 1, kMessages);
    OracleOptions undisturbed_options = options(Interruptions::kIgnored);
    OracleOptions interrupted_options = options(Interruptions::kPlayed);
    undisturbed_options.batch_tokens = interrupted_options.batch_tokens = 512;
    const auto undisturbed = play(steps, undisturbed_options);
    const auto interrupted = play(steps, interrupted_options);
    ASSERT_TRUE(undisturbed) << undisturbed.error().message;
    ASSERT_TRUE(interrupted) << interrupted.error().message;
    EXPECT_EQ(first_difference(*undisturbed, *interrupted), kNone);
}

// Five agents on one place: every message evicts one agent and restores another.
TEST_P(Oracle, FewerPlacesThanAgentsChangeNothing) {
    const std::vector<Step> steps = random_conversation(77, 5, 16);
    OracleOptions roomy = options(Interruptions::kIgnored);
    roomy.agents_resident_max = 5;
    OracleOptions tight = options(Interruptions::kPlayed);
    tight.agents_resident_max = 1;
    const auto undisturbed = play(steps, roomy);
    const auto interrupted = play(steps, tight);
    ASSERT_TRUE(undisturbed) << undisturbed.error().message;
    ASSERT_TRUE(interrupted) << interrupted.error().message;
    EXPECT_EQ(first_difference(*undisturbed, *interrupted), kNone);
}

// What the engine library itself counted (llama_perf) is what we claim: restored tokens were not evaluated.
TEST_P(Oracle, RestoredTokensAreNotEvaluatedAgain) {
    const std::vector<Step> steps = random_conversation(5, kAgents, kMessages);
    const auto outcome = play(steps, options(Interruptions::kPlayed));
    ASSERT_TRUE(outcome) << outcome.error().message;
    for (const TurnMetrics& turn : outcome->metrics) {
        EXPECT_EQ(turn.reused_tokens + turn.evaluated_tokens, turn.prompt_tokens);
        // Every answer token but the last is evaluated too, to sample the next one.
        EXPECT_EQ(turn.evaluated_by_engine, turn.evaluated_tokens + turn.answer_tokens - 1);
        EXPECT_LT(turn.evaluated_tokens, turn.prompt_tokens) << "nothing was reused";
    }
}

// The positive controls: behind all verification, one thing is broken, and the oracle sees it.
void expect_caught(const OracleModel& model, Sabotage sabotage) {
    // Two agents with system prompts of the same length and a restart before each of their turns.
    std::vector<Step> steps = {{StepKind::kCreate, "a", "The project code is amber and meets on Friday.", 0},
                               {StepKind::kCreate, "b", "The project code is Oslo and meets on Monday.", 0}};
    for (const char* agent : {"a", "b", "a", "b"}) {
        steps.push_back({StepKind::kRestart, "", "", 0});
        // Both are loaded, in one order, so that the second import can be mixed up with the first.
        steps.push_back({StepKind::kLoad, "a", "", 0});
        steps.push_back({StepKind::kLoad, "b", "", 0});
        steps.push_back({StepKind::kMessage, agent, "please remember Nora in Oslo and 42.", 8});
    }
    OracleOptions options;
    options.model = model;
    const auto undisturbed = play(steps, options);
    options.interruptions = Interruptions::kPlayed;
    const auto honest = play(steps, options);
    options.sabotage = sabotage;
    const auto broken = play(steps, options);
    ASSERT_TRUE(undisturbed && honest && broken);
    EXPECT_EQ(first_difference(*undisturbed, *honest), kNone);
    EXPECT_NE(first_difference(*undisturbed, *broken), kNone) << "the oracle is blind to this sabotage";
}

TEST_P(Oracle, ControlOneAlteredRowIsCaught) { expect_caught(GetParam(), Sabotage::kAlterOneRow); }
TEST_P(Oracle, ControlShiftedPositionsAreCaught) { expect_caught(GetParam(), Sabotage::kShiftPositions); }
TEST_P(Oracle, ControlSwappedAgentsAreCaught) { expect_caught(GetParam(), Sabotage::kSwapAgents); }
TEST_P(WindowOracle, ControlLostWindowRowIsCaught) { expect_caught(GetParam(), Sabotage::kLoseWindowRow); }

const OracleModel kDemoF16{"demo", KVASIR_DEMO_MODEL, "f16"};
const OracleModel kDemoQ8{"demo", KVASIR_DEMO_MODEL, "q8_0"};
const OracleModel kPlainF16{"plain", KVASIR_TEST_MODELS_DIR "/llama-dense.gguf", "f16"};
const OracleModel kPlainQ8{"plain", KVASIR_TEST_MODELS_DIR "/llama-dense.gguf", "q8_0"};
const OracleModel kWindowF16{"window", KVASIR_TEST_MODELS_DIR "/gemma3-dense.gguf", "f16"};
const OracleModel kWindowQ8{"window", KVASIR_TEST_MODELS_DIR "/gemma3-dense.gguf", "q8_0"};

std::string name_of(const testing::TestParamInfo<OracleModel>& model) {
    return model.param.name + "_" + model.param.kv_type;
}

INSTANTIATE_TEST_SUITE_P(Models, Oracle,
                         testing::Values(kDemoF16, kDemoQ8, kPlainF16, kPlainQ8, kWindowF16, kWindowQ8),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Models, PlainOracle, testing::Values(kPlainF16, kPlainQ8), name_of);
INSTANTIATE_TEST_SUITE_P(Models, WindowOracle, testing::Values(kDemoF16, kDemoQ8, kWindowF16, kWindowQ8),
                         name_of);

}  // namespace
}  // namespace kvasir::test
