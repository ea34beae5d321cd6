// Saves in steps beside each other: what one counts on, another may write or take away between two steps.
#include <gtest/gtest.h>

#include "memory/turn_run.h"
#include "memory/world.h"

namespace kvasir::test {
namespace {

class SaveSteps : public MemoryTest {
  protected:
    SaveSteps() : world_(options()) {}

    // A turn up to its answer, KV not saved yet.
    std::unique_ptr<TurnRun> answered(const std::string& agent, const std::string& text) {
        TurnRequest request;
        request.agent = agent;
        request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 6;
        auto run = world_.memory().begin_turn(std::move(request), {});
        EXPECT_TRUE(run);
        (*run)->restore();
        std::vector<BatchRow> rows;
        while ((*run)->stage() == TurnStage::kPrefill || (*run)->stage() == TurnStage::kDecode) {
            rows.clear();
            if ((*run)->add_rows(rows, world_.engine().model().batch_tokens) == 0) continue;
            EXPECT_TRUE(world_.memory().evaluate(rows));
            (*run)->evaluated(0);
        }
        return std::move(*run);
    }
    // Nothing is resident afterwards; the next turn restores everything that was said.
    void expect_restorable(const std::string& agent) {
        world_.restart();
        const auto before = world_.memory().show(agent);
        ASSERT_TRUE(before);
        const TurnResult turn = world_.say_unchecked(agent, "and now?", 4);
        EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk) << agent;
        EXPECT_GE(turn.metrics.reused_tokens + 1, before->token_count) << agent;
        EXPECT_EQ(turn.warning, "") << agent;
    }

    World world_;
    const std::string prompt_ = "You are one of two. " + words(600);
};
KVASIR_BOTH_MODELS(SaveSteps);

TEST_P(SaveSteps, TwoThatWriteTheSameBlocks) {
    for (const char* name : {"ada", "eve"}) world_.create(name, prompt_);
    const auto ada = answered("ada", words(700, 'm'));
    const auto eve = answered("eve", words(700, 'm'));
    ada->save_some();  // planned: none of it is stored
    ada->save_some();  // the first block is written, and not referred to yet
    eve->save();
    EXPECT_EQ(eve->result()->durability, Durability::kTokensAndKv) << eve->result()->warning;
    ada->save();
    EXPECT_EQ(ada->result()->durability, Durability::kTokensAndKv) << ada->result()->warning;
    expect_restorable("ada");
    expect_restorable("eve");
}

TEST_P(SaveSteps, OneThatIsDroppedLeavesTheOthersFiles) {
    for (const char* name : {"ada", "eve"}) world_.create(name, prompt_);
    auto ada = answered("ada", words(700, 'm'));
    const auto eve = answered("eve", words(700, 'm'));
    for (int i = 0; i < 3; ++i) ada->save_some();
    eve->save();
    ada.reset();
    EXPECT_EQ(eve->result()->durability, Durability::kTokensAndKv);
    expect_restorable("eve");
}

TEST_P(SaveSteps, OneThatIsDroppedAloneLeavesNoFiles) {
    world_.create("ada", prompt_);
    const auto files_before = world_.block_files(BlockKind::kAppend);
    auto ada = answered("ada", words(700, 'm'));
    for (int i = 0; i < 3; ++i) ada->save_some();
    EXPECT_GT(world_.block_files(BlockKind::kAppend).size(), files_before.size()) << "control: it had begun";
    ada.reset();
    EXPECT_EQ(world_.block_files(BlockKind::kAppend), files_before);
}

TEST_P(SaveSteps, WhatWasCountedOnIsTakenAway) {
    world_.create("ada", prompt_);
    world_.create("eve", prompt_);
    auto eve = answered("eve", words(700, 'm'));
    eve->save();
    eve.reset();
    const auto ada = answered("ada", words(700, 'm'));
    ada->save_some();  // planned: Eve's blocks are there
    ASSERT_TRUE(world_.memory().remove("eve"));
    ada->save();
    EXPECT_EQ(ada->result()->durability, Durability::kTokensAndKv) << ada->result()->warning;
    expect_restorable("ada");
}

TEST_P(SaveSteps, WhatAResidentAgentSharedIsErased) {
    world_.create("eve", prompt_);
    world_.create("ada", prompt_);  // restored from Eve's rows
    ASSERT_TRUE(world_.memory().remove("eve"));
    const TurnResult turn = world_.say("ada", words(300, 'm'));
    EXPECT_EQ(turn.durability, Durability::kTokensAndKv) << turn.warning;
    expect_restorable("ada");
}

}  // namespace
}  // namespace kvasir::test
