// Saves in steps beside the next turns of their agent: what is stored is what its rows were when its turn
// ended.
#include "memory/save_steps.h"

namespace kvasir::test {
namespace {

class SavesBesideTurns : public SaveSteps {};
KVASIR_BOTH_MODELS(SavesBesideTurns);

TEST_P(SavesBesideTurns, TheNextTurnGoesOnWhileRowsAreCopied) {
    const auto first = planned(words(700, 'm'));
    const std::string text = words(300, 'n');
    const auto second = answered("ada", text);
    EXPECT_EQ(second->result()->metrics.source, ReuseSource::kResident);
    EXPECT_GT(second->result()->metrics.reused_tokens, 1300u);
    EXPECT_EQ(second->result()->text, world_.exact().answer(world_.engine().fake(), "ada", text, 6));
    for (int i = 0; i < 2; ++i) first->save_some();
    EXPECT_EQ(first->stage(), TurnStage::kAnswered) << "control: most of it was still to be copied";
    first->save();
    second->save();
    EXPECT_EQ(first->result()->durability, Durability::kTokensAndKv) << first->result()->warning;
    EXPECT_EQ(second->result()->durability, Durability::kTokensAndKv) << second->result()->warning;
    EXPECT_GT(first->result()->save.blocks_written, 1u);
    world_.restart();
    const TurnResult turn = world_.say("ada", "and now?", 4);
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(turn.warning, "");
}

// The disk is slower than the client: a save that has not begun leaves its rows to that of the next turn.
TEST_P(SavesBesideTurns, ASaveThatWaitsForAnotherGivesWay) {
    const std::string text = words(700, 'm');
    const auto first = planned(text);
    world_.disk().hold_writes();
    copy_all(*first);
    for (const char letter : {'n', 'o', 'p'}) {
        const std::string next = words(100, letter);
        auto turn = answered("ada", next);
        EXPECT_EQ(turn->result()->metrics.source, ReuseSource::kResident);
        EXPECT_EQ(turn->result()->text, world_.exact().answer(world_.engine().fake(), "ada", next, 6));
        EXPECT_FALSE(turn->has_place());
        later_.push_back(std::move(turn));
    }
    for (std::size_t i = 0; i < 2; ++i) {
        later_[i]->save_some();
        EXPECT_EQ(later_[i]->stage(), TurnStage::kDone);
        EXPECT_EQ(later_[i]->result()->durability, Durability::kTokensOnly);
        EXPECT_EQ(later_[i]->result()->warning, "");
    }
    later_[2]->save_some();
    EXPECT_TRUE(later_[2]->waits()) << "control: the first has nothing on disk yet";
    world_.disk().let_writes_go();
    first->save();
    later_[2]->save();
    EXPECT_EQ(later_[2]->result()->durability, Durability::kTokensAndKv) << later_[2]->result()->warning;
    later_.clear();
    world_.restart();
    const TurnResult turn = world_.say("ada", "and now?", 4);
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    EXPECT_LT(turn.metrics.evaluated_tokens, 60u);
    EXPECT_EQ(turn.warning, "");
}

// The turn that it gave way to comes to nothing: what it would have saved is saved when the agent leaves.
TEST_P(SavesBesideTurns, ASaveThatGaveWayForNothing) {
    const std::string text = words(700, 'm');
    const auto first = planned(text);
    world_.disk().hold_writes();
    copy_all(*first);
    const std::string next = words(100, 'n');
    auto second = answered("ada", next);
    EXPECT_EQ(second->result()->text, world_.exact().answer(world_.engine().fake(), "ada", next, 6));
    TurnRequest given_up;
    given_up.agent = "ada";
    given_up.messages = {{Role::kUser, "and then?", {}, {}, {}, {}}};
    auto third = world_.memory().begin_turn(std::move(given_up), {});
    ASSERT_TRUE(third);
    (*third)->abandon({ErrorCode::kCancelled, "the client went away"});
    third->reset();
    second->save_some();
    EXPECT_EQ(second->stage(), TurnStage::kDone) << "control: it gave way";
    world_.disk().let_writes_go();
    first->save();
    second.reset();
    EXPECT_FALSE(world_.memory().is_busy("ada"));
    const auto evicted = world_.memory().evict("ada");
    ASSERT_TRUE(evicted);
    world_.restart();
    const TurnResult turn = world_.say("ada", "and now?", 4);
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    EXPECT_LT(turn.metrics.evaluated_tokens, 60u);
}

// Whoever begins another line meanwhile gets a place of its own: what waits to be saved is not given up for
// it.
TEST_P(SavesBesideTurns, ASaveThatWaitsForAnotherKeepsItsPlaceFromOtherLines) {
    const std::string text = words(300, 'm');
    const auto first = planned(text);
    const std::string answer = first->result()->text;
    world_.disk().hold_writes();
    copy_all(*first);
    const std::string next = words(100, 'n');
    const auto second = answered("ada", next);
    EXPECT_EQ(second->result()->text, world_.exact().answer(world_.engine().fake(), "ada", next, 6));
    const auto third = answered(other_words(text));
    second->save_some();
    EXPECT_EQ(second->stage(), TurnStage::kAnswered);
    world_.disk().let_writes_go();
    for (TurnRun* run : {first.get(), second.get(), third.get()}) {
        run->save();
        EXPECT_EQ(run->result()->durability, Durability::kTokensAndKv) << run->result()->warning;
    }
    world_.restart();
    TurnRequest request = other_words(text);
    request.messages.push_back({Role::kAssistant, answer, {}, {}, {}, {}});
    request.messages.push_back({Role::kUser, next, {}, {}, {}, {}});
    request.messages.push_back({Role::kAssistant, second->result()->text, {}, {}, {}, {}});
    request.messages.push_back({Role::kUser, "and now?", {}, {}, {}, {}});
    const auto turn = answered(std::move(request));
    EXPECT_EQ(turn->result()->metrics.source, ReuseSource::kDisk);
    EXPECT_LT(turn->result()->metrics.evaluated_tokens, 60u);
    EXPECT_EQ(turn->result()->text, world_.exact().answer(world_.engine().fake(), "ada", "and now?", 6));
}

TEST_P(SavesBesideTurns, WhatTheNextTurnChangesIsCopiedBefore) {
    const std::string text = words(300, 'm');
    const auto first = planned(text);
    const std::string answer = first->result()->text;
    const auto second = answered(other_words(words(300, 'n')));  // driven alone, so that it waits for nobody
    first->save();
    second->save();
    EXPECT_EQ(first->result()->durability, Durability::kTokensAndKv) << first->result()->warning;
    EXPECT_EQ(second->result()->durability, Durability::kTokensAndKv) << second->result()->warning;
    expect_first_line(text, answer);
}

TEST_P(SavesBesideTurns, ATurnWaitsUntilWhatItChangesIsCopied) {
    const std::string text = words(300, 'm');
    const auto first = planned(text);
    const std::string answer = first->result()->text;
    auto second = world_.memory().begin_turn(other_words(words(300, 'n')), {});
    ASSERT_TRUE(second);
    for (int i = 0; i < 3; ++i) (*second)->restore_some();
    ASSERT_TRUE((*second)->waits());
    first->save();
    (*second)->restore_some();
    EXPECT_FALSE((*second)->waits());
    second->reset();  // given up: what it took the place of is stored
    EXPECT_EQ(first->result()->durability, Durability::kTokensAndKv) << first->result()->warning;
    expect_first_line(text, answer);
}

TEST_P(SavesBesideTurns, ATurnThatIsGivenUpWhileRowsAreCopiedLeavesThem) {
    const std::string text = words(300, 'm');
    const auto first = planned(text);
    const std::string answer = first->result()->text;
    for (TurnRequest request : {other_words(words(300, 'n')), other_words(text)}) {
        auto second = world_.memory().begin_turn(std::move(request), {});
        ASSERT_TRUE(second);
        (*second)->restore();
        std::vector<BatchRow> rows;
        if ((*second)->add_rows(rows, 8) > 0) {
            const Status evaluated = world_.memory().evaluate(rows);
            ASSERT_TRUE(evaluated) << evaluated.error().message;
            (*second)->evaluated(0);
        }
        (*second)->abandon({ErrorCode::kCancelled, "the client went away"});
    }
    first->save();
    EXPECT_EQ(first->result()->durability, Durability::kTokensAndKv) << first->result()->warning;
    expect_first_line(text, answer);
}

}  // namespace
}  // namespace kvasir::test
