// Who gets how many rows of a step, and in which order.
#include "sched/batch_plan.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

constexpr TurnNeed kAnswer{TurnNeed::Rows::kAnswer, 1};
using Needs = std::vector<TurnNeed>;
using Shares = std::vector<BatchShare>;

TurnNeed prompt(std::uint32_t left) { return {TurnNeed::Rows::kPrompt, left}; }

bool is_prompt(const TurnNeed& need) { return need.of == TurnNeed::Rows::kPrompt; }

TEST(BatchPlan, AnswersComeBeforePrompts) {
    const BatchLimits limits{512, 100};
    EXPECT_EQ(plan_batch(Needs{}, limits), Shares{});
    EXPECT_EQ(plan_batch(Needs{prompt(9000)}, limits), (Shares{{0, 512}})) << "alone it has the whole step";
    EXPECT_EQ(plan_batch(Needs{kAnswer, prompt(9000), kAnswer}, limits), (Shares{{0, 1}, {2, 1}, {1, 100}}));
    EXPECT_EQ(plan_batch(Needs{kAnswer, prompt(9000)}, {8, 100}), (Shares{{0, 1}, {1, 7}}));
    EXPECT_EQ(plan_batch(Needs{kAnswer, kAnswer, prompt(9)}, {2, 100}), (Shares{{0, 1}, {1, 1}, {2, 0}}));
}

TEST(BatchPlan, EqualPromptsAreReadOneAfterTheOther) {
    const BatchLimits limits{512, 256};
    EXPECT_EQ(plan_batch(Needs{prompt(700), prompt(700), prompt(700)}, limits),
              (Shares{{1, 0}, {2, 0}, {0, 512}}));
    EXPECT_EQ(plan_batch(Needs{prompt(188), prompt(700), prompt(700)}, limits),
              (Shares{{1, 324}, {2, 0}, {0, 188}}));
}

TEST(BatchPlan, TheShortestIsReadFirstAndTheOldestHasItsPart) {
    const BatchLimits limits{512, 256};
    EXPECT_EQ(plan_batch(Needs{prompt(9000), prompt(600), prompt(40)}, limits),
              (Shares{{2, 40}, {1, 344}, {0, 128}}));
    EXPECT_EQ(plan_batch(Needs{prompt(9000), prompt(30), prompt(40)}, limits),
              (Shares{{1, 30}, {2, 40}, {0, 442}}))
        << "and what others leave";
    EXPECT_EQ(plan_batch(Needs{kAnswer, prompt(9000), prompt(600)}, limits),
              (Shares{{0, 1}, {2, 192}, {1, 64}}));
    EXPECT_EQ(plan_batch(Needs{prompt(100), prompt(60), prompt(600)}, limits),
              (Shares{{1, 60}, {2, 352}, {0, 100}}))
        << "no more than it needs";
}

Needs random_needs(std::mt19937& random) {
    Needs needs(1 + random() % 40);
    for (TurnNeed& need : needs)
        need = random() % 2 == 0 ? prompt(static_cast<std::uint32_t>(1 + random() % 200)) : kAnswer;
    return needs;
}

TEST(BatchPlan, EveryoneHasOneShareAndAllOfThemFit) {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        const Needs needs = random_needs(random);
        const BatchLimits limits{static_cast<std::uint32_t>(needs.size() + random() % 64),
                                 static_cast<std::uint32_t>(1 + random() % 16)};
        std::vector<int> seen(needs.size(), 0);
        std::uint32_t sum = 0;
        std::uint32_t prompt_rows = 0;
        std::uint32_t wanted = 0;
        for (const BatchShare& share : plan_batch(needs, limits)) {
            ++seen.at(share.turn);
            sum += share.rows;
            ASSERT_LE(share.rows, needs[share.turn].left);
            if (is_prompt(needs[share.turn])) {
                prompt_rows += share.rows;
                wanted += needs[share.turn].left;
            } else {
                ASSERT_EQ(share.rows, 1U) << "a stream never waits";
            }
        }
        ASSERT_EQ(seen, std::vector<int>(needs.size(), 1));
        ASSERT_LE(sum, limits.batch_rows_max);
        const std::uint32_t answers = sum - prompt_rows;
        const std::uint32_t room = limits.batch_rows_max - answers;
        ASSERT_EQ(prompt_rows, std::min(wanted, answers > 0 ? std::min(room, limits.chunk_rows_max) : room))
            << "no row is left that somebody could use";
    }
}

// Short prompts come without end, one a step.
TEST(BatchPlan, NobodyStarves) {
    Needs needs{prompt(2000), prompt(1500), kAnswer};
    const BatchLimits limits{64, 16};
    int steps = 0;
    for (; std::any_of(needs.begin(), needs.end(), [](const TurnNeed& n) { return n.left >= 1000; });
         ++steps) {
        ASSERT_LT(steps, 1000);
        needs.push_back(prompt(16));
        for (const BatchShare& share : plan_batch(needs, limits)) {
            if (is_prompt(needs[share.turn])) needs[share.turn].left -= share.rows;
        }
        std::erase_if(needs, [](const TurnNeed& need) { return need.left == 0; });
    }
    EXPECT_GE(steps, (1001 + 501) / 16) << "they were not alone";
}

}  // namespace
}  // namespace kvasir::test
