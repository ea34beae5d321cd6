// Who gets how many rows of a step.
#include "sched/batch_plan.h"

#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

constexpr TurnNeed kPrompt = TurnNeed::kPromptRows;
constexpr TurnNeed kAnswer = TurnNeed::kAnswerRow;
using Rows = std::vector<std::uint32_t>;

TEST(BatchPlan, AnswersFirstThenPromptsInFairShares) {
    const BatchLimits limits{512, 100};
    EXPECT_EQ(plan_batch(std::vector<TurnNeed>{}, limits, 0), Rows{});
    EXPECT_EQ(plan_batch(std::vector{kPrompt}, limits, 0), Rows{512}) << "alone it has the whole step";
    EXPECT_EQ(plan_batch(std::vector{kPrompt, kPrompt}, limits, 0), (Rows{256, 256}));
    EXPECT_EQ(plan_batch(std::vector{kAnswer, kPrompt, kAnswer, kPrompt}, limits, 0), (Rows{1, 50, 1, 50}));
    EXPECT_EQ(plan_batch(std::vector{kAnswer, kPrompt}, {8, 100}, 0), (Rows{1, 7}));
    EXPECT_EQ(plan_batch(std::vector{kAnswer, kAnswer, kPrompt}, {2, 100}, 0), (Rows{1, 1, 0}));
}

TEST(BatchPlan, NeverTooManyAndNobodyStarves) {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        std::vector<TurnNeed> needs(1 + random() % 40);
        for (TurnNeed& need : needs) need = random() % 2 == 0 ? kPrompt : kAnswer;
        const BatchLimits limits{static_cast<std::uint32_t>(needs.size() + random() % 64),
                                 static_cast<std::uint32_t>(1 + random() % 16)};
        Rows sum(needs.size(), 0);
        for (std::uint64_t step = 0; step < needs.size(); ++step) {
            const Rows rows = plan_batch(needs, limits, step);
            ASSERT_EQ(rows.size(), needs.size());
            ASSERT_LE(std::accumulate(rows.begin(), rows.end(), 0U), limits.batch_rows_max);
            std::uint32_t prompt_rows = 0;
            bool answers = false;
            for (std::size_t turn = 0; turn < needs.size(); ++turn) {
                sum[turn] += rows[turn];
                if (needs[turn] == kAnswer) {
                    ASSERT_EQ(rows[turn], 1U) << "a stream never waits";
                    answers = true;
                } else {
                    prompt_rows += rows[turn];
                }
            }
            if (answers) {
                ASSERT_LE(prompt_rows, limits.chunk_rows_max);
            }
        }
        const bool room = limits.batch_rows_max > needs.size();
        if (room) {
            for (const std::uint32_t rows : sum) ASSERT_GT(rows, 0U) << "within as many steps as turns";
        }
    }
}

}  // namespace
}  // namespace kvasir::test
