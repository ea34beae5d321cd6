// Restored == never stopped: random conversations with evictions, loads and restarts against the same conversations
// undisturbed. Every logits vector that was sampled from must be the same to the last bit.
#include <gtest/gtest.h>

#include "oracle/oracle_run.h"

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

TEST_P(Oracle, LogitsAreIdenticalToNeverStopped) {
    std::uint64_t restored_tokens = 0;
    for (std::uint32_t seed = 1; seed <= kConversations; ++seed) {
        const std::vector<Step> steps = random_conversation(seed, kAgents, kMessages);
        const auto undisturbed = play(steps, options(Interruptions::kIgnored));
        ASSERT_TRUE(undisturbed) << undisturbed.error().message;
        const auto interrupted = play(steps, options(Interruptions::kPlayed));
        ASSERT_TRUE(interrupted) << interrupted.error().message;
        EXPECT_EQ(undisturbed->witness, interrupted->witness) << "seed " << seed;
        EXPECT_EQ(undisturbed->answers, interrupted->answers) << "seed " << seed;
        EXPECT_TRUE(interrupted->warnings.empty()) << "seed " << seed << ": " << interrupted->warnings.front();
        restored_tokens += interrupted->restored_tokens;
    }
    EXPECT_GT(restored_tokens, 1000U) << "too few tokens came from disk for this test to mean anything";
}

TEST_P(Oracle, FewerPlacesThanAgentsChangeNothing) {
    const std::vector<Step> steps = random_conversation(77, 5, 16);
    OracleOptions roomy = options(Interruptions::kIgnored);
    roomy.agents_resident_max = 5;
    OracleOptions tight = options(Interruptions::kPlayed);
    tight.agents_resident_max = 2;
    const auto undisturbed = play(steps, roomy);
    const auto interrupted = play(steps, tight);
    ASSERT_TRUE(undisturbed) << undisturbed.error().message;
    ASSERT_TRUE(interrupted) << interrupted.error().message;
    EXPECT_EQ(undisturbed->witness, interrupted->witness);
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
    EXPECT_EQ(undisturbed->witness, honest->witness);
    EXPECT_NE(undisturbed->witness, broken->witness) << "the oracle is blind to this sabotage";
}

TEST_P(Oracle, ControlOneAlteredRowIsCaught) { expect_caught(GetParam(), Sabotage::kAlterOneRow); }
TEST_P(Oracle, ControlShiftedPositionsAreCaught) { expect_caught(GetParam(), Sabotage::kShiftPositions); }
TEST_P(Oracle, ControlSwappedAgentsAreCaught) { expect_caught(GetParam(), Sabotage::kSwapAgents); }
TEST_P(Oracle, ControlLostWindowRowIsCaught) {
    if (GetParam().name == "plain") GTEST_SKIP() << "a plain model has no window plane";
    expect_caught(GetParam(), Sabotage::kLoseWindowRow);
}

INSTANTIATE_TEST_SUITE_P(
    Models, Oracle,
    testing::Values(OracleModel{"demo", KVASIR_DEMO_MODEL, "f16"}, OracleModel{"demo", KVASIR_DEMO_MODEL, "q8_0"},
                    OracleModel{"plain", KVASIR_TEST_MODELS_DIR "/llama-dense.gguf", "f16"},
                    OracleModel{"plain", KVASIR_TEST_MODELS_DIR "/llama-dense.gguf", "q8_0"},
                    OracleModel{"window", KVASIR_TEST_MODELS_DIR "/gemma3-dense.gguf", "f16"},
                    OracleModel{"window", KVASIR_TEST_MODELS_DIR "/gemma3-dense.gguf", "q8_0"}),
    [](const testing::TestParamInfo<OracleModel>& model) { return model.param.name + "_" + model.param.kv_type; });

}  // namespace
}  // namespace kvasir::test
