// Saves in steps beside each other: what one counts on, another may write or take away between two steps.
#include "memory/save_steps.h"

#include <functional>

namespace kvasir::test {
namespace {

KVASIR_BOTH_MODELS(SaveSteps);

TEST_P(SaveSteps, TwoThatWriteTheSameBlocks) {
    for (const char* name : {"ada", "eve"}) world_.create(name, prompt_);
    const auto ada = answered("ada", words(700, 'm'));
    const auto eve = answered("eve", words(700, 'm'));
    write_one(*ada);
    eve->save();
    EXPECT_EQ(eve->result()->durability, Durability::kTokensAndKv) << eve->result()->warning;
    ada->save();
    EXPECT_EQ(ada->result()->durability, Durability::kTokensAndKv) << ada->result()->warning;
    expect_restorable("ada");
    expect_restorable("eve");
}

// Both have a block under way, or written and not referred to, before either refers to it.
TEST_P(SaveSteps, TwoThatAreWrittenBesideEachOther) {
    for (const char* name : {"ada", "eve"}) world_.create(name, prompt_);
    const auto ada = answered("ada", words(700, 'm'));
    const auto eve = answered("eve", words(700, 'm'));
    world_.disk().hold_writes();
    copy_all(*ada);
    copy_all(*eve);
    world_.disk().let_writes_go();
    ada->save();
    EXPECT_EQ(ada->result()->durability, Durability::kTokensAndKv) << ada->result()->warning;
    eve->save();
    EXPECT_EQ(eve->result()->durability, Durability::kTokensAndKv) << eve->result()->warning;
    expect_restorable("ada");
    expect_restorable("eve");
}

// What another save counts on stays, although who began to write it goes.
TEST_P(SaveSteps, OneThatIsDroppedWhileAnotherCountsOnItsFiles) {
    for (const char* name : {"ada", "eve"}) world_.create(name, prompt_);
    auto ada = answered("ada", words(700, 'm'));
    const auto eve = answered("eve", words(700, 'm'));
    write_one(*ada);
    world_.disk().hold_writes();
    copy_all(*ada);
    copy_all(*eve);
    world_.disk().let_writes_go();
    ada.reset();
    eve->save();
    EXPECT_EQ(eve->result()->durability, Durability::kTokensAndKv) << eve->result()->warning;
    expect_restorable("eve");
}

TEST_P(SaveSteps, OneThatIsDroppedLeavesTheOthersFiles) {
    for (const char* name : {"ada", "eve"}) world_.create(name, prompt_);
    auto ada = answered("ada", words(700, 'm'));
    const auto eve = answered("eve", words(700, 'm'));
    write_one(*ada);
    eve->save();
    ada.reset();
    EXPECT_EQ(eve->result()->durability, Durability::kTokensAndKv);
    expect_restorable("eve");
}

TEST_P(SaveSteps, OneThatIsDroppedAloneLeavesNoFiles) {
    world_.create("ada", prompt_);
    const auto files_before = world_.block_files(BlockKind::kAppend);
    auto ada = answered("ada", words(700, 'm'));
    write_one(*ada);
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

TEST_P(SaveSteps, TheNextTurnGoesOnWhileFilesAreWritten) {
    const auto first = being_written();
    const auto second = answered("ada", words(300, 'n'));
    EXPECT_EQ(second->result()->metrics.source, ReuseSource::kResident);
    EXPECT_GT(second->result()->metrics.reused_tokens, 1300u);
    EXPECT_EQ(first->stage(), TurnStage::kAnswered);
    // The second counts on what the first writes.
    for (int i = 0; i < 20; ++i) second->save_some();
    EXPECT_EQ(second->stage(), TurnStage::kAnswered);
    EXPECT_TRUE(second->waits());
    world_.disk().let_writes_go();
    second->save();
    first->save();
    EXPECT_EQ(first->result()->durability, Durability::kTokensAndKv) << first->result()->warning;
    EXPECT_EQ(second->result()->durability, Durability::kTokensAndKv) << second->result()->warning;
    EXPECT_GT(first->result()->save.blocks_written, 1u);
    expect_restorable("ada");
}

TEST_P(SaveSteps, WhileFilesAreWrittenTheAgentKeepsItsPlace) {
    const auto turn = being_written();
    EXPECT_EQ(world_.memory().show("ada")->state, AgentState::kSaving);
    EXPECT_TRUE(world_.memory().is_busy("ada"));
    EXPECT_EQ(world_.memory().rest().error().code, ErrorCode::kConflict);
    world_.disk().let_writes_go();
    turn->save();
    EXPECT_EQ(world_.memory().show("ada")->state, AgentState::kReady);
}

// Who asks for something that cannot be done meanwhile waits for the files.
TEST_P(SaveSteps, WhatIsAskedForWhileFilesAreWrittenComesAfterThem) {
    const auto ask = [&](const char* what, const std::function<bool(AgentMemory&)>& asked) {
        world_.create("ada", prompt_);
        for (const bool all : {false, true}) {
            const auto turn = answered("ada", words(400, all ? 'm' : 'n'));
            do {
                turn->save_some();
            } while (all && turn->stage() == TurnStage::kAnswered && !turn->waits());
            EXPECT_TRUE(asked(world_.memory())) << what;
            turn->save();
            EXPECT_EQ(turn->result()->durability, Durability::kTokensAndKv) << what;
            if (!world_.memory().show("ada")) world_.create("ada", prompt_);
        }
        EXPECT_TRUE(world_.memory().remove("ada")) << what;
        EXPECT_TRUE(world_.block_files(BlockKind::kAppend).empty()) << what;
    };
    ask("save",
        [](AgentMemory& memory) { return memory.save("ada")->durability == Durability::kTokensAndKv; });
    ask("evict", [](AgentMemory& memory) { return memory.evict("ada").has_value(); });
    ask("remove", [](AgentMemory& memory) { return memory.remove("ada").has_value(); });
    ask("roll back", [](AgentMemory& memory) { return memory.roll_back("ada", 0).has_value(); });
    ask("fork and remove", [](AgentMemory& memory) {
        return memory.fork("ada", "bob", {}).has_value() && memory.remove("bob").has_value();
    });
}

TEST_P(SaveSteps, FilesThatFailAfterTheNextTurnBegan) {
    const auto first = being_written();
    auto second = answered("ada", words(300, 'n'));
    world_.disk().refuse_writes = Error{ErrorCode::kNoSpace, "the disk is full"};
    world_.disk().let_writes_go();
    first->save();
    EXPECT_EQ(first->result()->durability, Durability::kTokensOnly);
    EXPECT_NE(first->result()->warning.find("the disk is full"), std::string::npos);
    world_.disk().refuse_writes.reset();
    second->save();
    EXPECT_EQ(second->result()->durability, Durability::kTokensAndKv) << second->result()->warning;
    second.reset();
    expect_restorable("ada");
}

TEST_P(SaveSteps, TheNextTurnIsAnotherConversation) {
    const auto first = being_written();
    {
        TurnRequest request;
        request.agent = "ada";
        request.messages = {{Role::kUser, words(300, 'n'), {}, {}, {}, {}}};
        auto given_up = world_.memory().begin_turn(std::move(request), {});
        ASSERT_TRUE(given_up);
        (*given_up)->abandon({ErrorCode::kCancelled, "the client went away"});
    }
    EXPECT_TRUE(world_.memory().is_busy("ada")) << "files of it are written";
    world_.disk().let_writes_go();
    first->save();
    EXPECT_EQ(first->result()->durability, Durability::kTokensAndKv) << first->result()->warning;
    expect_restorable("ada");
}

// As long as the first, so that what is noted of one save could be taken for the other's.
TEST_P(SaveSteps, TheNextTurnTakesThePlaceForOtherWords) {
    const auto first = being_written(300);
    world_.disk().let_writes_go();
    const auto second = answered(other_words(words(300, 'n')));
    first->save();
    second->save();
    EXPECT_EQ(second->result()->metrics.source, windowed() ? ReuseSource::kDisk : ReuseSource::kResident);
    EXPECT_GT(second->result()->save.append_rows_written, 0u);
    EXPECT_EQ(second->result()->durability, Durability::kTokensAndKv) << second->result()->warning;
    expect_restorable("ada");
}

TEST_P(SaveSteps, DroppedWhileFilesAreWrittenLeavesNone) {
    world_.create("ada", prompt_);
    const auto files_before = world_.block_files(BlockKind::kAppend);
    auto turn = answered("ada", words(700, 'm'));
    world_.disk().hold_writes();
    copy_all(*turn);
    world_.disk().let_writes_go();
    turn.reset();
    EXPECT_EQ(world_.block_files(BlockKind::kAppend), files_before);
    EXPECT_EQ(world_.say_unchecked("ada", "go on").durability, Durability::kTokensAndKv);
}

}  // namespace
}  // namespace kvasir::test
