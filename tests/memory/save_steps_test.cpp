// Saves in steps beside each other: what one counts on, another may write or take away between two steps.
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "memory/turn_run.h"
#include "memory/world.h"

namespace kvasir::test {
namespace {

// Rows of the same tokens are not the same bytes: they depend on what else was in the batch. Here each copy
// of them differs from the one before, until it comes back.
class UnequalRows final : public ForwardingEngine {
  public:
    using ForwardingEngine::ForwardingEngine;
    Status export_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::vector<std::byte>& image) override {
        KVASIR_TRY(ForwardingEngine::export_rows(sequence, plane, range, image));
        std::vector<std::byte> own = image;
        image.front() ^= static_cast<std::byte>(1 + exports_++ % 255);
        originals_[image] = std::move(own);
        return {};
    }
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override {
        const auto original = originals_.find({image.begin(), image.end()});
        if (original == originals_.end()) return ForwardingEngine::import_rows(sequence, plane, range, image);
        return ForwardingEngine::import_rows(sequence, plane, range, original->second);
    }

  private:
    static inline std::map<std::vector<std::byte>, std::vector<std::byte>> originals_;  // of all processes
    static inline unsigned exports_ = 0;
};

class SaveSteps : public MemoryTest {
  protected:
    SaveSteps() : world_(with_unequal_rows(options())) {}
    static WorldOptions with_unequal_rows(WorldOptions options) {
        options.decorate = [](std::unique_ptr<Engine> inner) {
            return std::make_unique<UnequalRows>(std::move(inner));
        };
        return options;
    }

    // Steps until its rows are copied. The disk is held, so that no file of it is written.
    static void copy_all(TurnRun& run) {
        while (run.stage() == TurnStage::kAnswered && !run.waits()) run.save_some();
        EXPECT_EQ(run.stage(), TurnStage::kAnswered);
        EXPECT_FALSE(run.has_place());
    }
    // A turn of Ada's that is answered, and whose save is planned and has copied nothing.
    std::unique_ptr<TurnRun> planned(const std::string& text) {
        world_.create("ada", prompt_);
        auto turn = answered("ada", text);
        EXPECT_EQ(turn->result()->text, world_.exact().answer(world_.engine().fake(), "ada", text, 6));
        EXPECT_TRUE(turn->has_place()) << "control: nothing is planned yet";
        turn->save_some();
        EXPECT_FALSE(turn->has_place());
        return turn;
    }
    // The whole conversation with another first message than the one before.
    TurnRequest other_words(const std::string& text) const {
        TurnRequest request;
        request.agent = "ada";
        request.history = History::kSent;
        request.messages = {{Role::kSystem, prompt_, {}, {}, {}, {}}, {Role::kUser, text, {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 6;
        return request;
    }
    // After a restart a client goes on from `text` and its answer as it was at first: rows come from disk,
    // and they are the right ones.
    void expect_first_line(const std::string& text, const std::string& answer) {
        world_.restart();
        TurnRequest request = other_words(text);
        request.messages.push_back({Role::kAssistant, answer, {}, {}, {}, {}});
        request.messages.push_back({Role::kUser, "and now?", {}, {}, {}, {}});
        const auto turn = answered(std::move(request));
        EXPECT_EQ(turn->result()->metrics.source, ReuseSource::kDisk);
        EXPECT_GE(turn->result()->metrics.reused_tokens + 1, world_.exact().tokens("ada").size());
        EXPECT_EQ(turn->result()->warning, "");
        EXPECT_EQ(turn->result()->text, world_.exact().answer(world_.engine().fake(), "ada", "and now?", 6));
    }
    // A turn up to its answer, KV not saved yet.
    std::unique_ptr<TurnRun> answered(const std::string& agent, const std::string& text) {
        TurnRequest request;
        request.agent = agent;
        request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 6;
        return answered(std::move(request));
    }
    std::unique_ptr<TurnRun> answered(TurnRequest request) {
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
    // Steps until one file more is there, which is not referred to yet.
    void write_one(TurnRun& run) {
        const std::size_t files = world_.block_files(BlockKind::kAppend).size();
        while (world_.block_files(BlockKind::kAppend).size() == files) {
            ASSERT_EQ(run.stage(), TurnStage::kAnswered);
            run.save_some();
            run.wait_for_file();
        }
    }
    // A turn of Ada's that is answered and copied, and whose files the disk holds back.
    std::unique_ptr<TurnRun> being_written(std::uint32_t bytes = 700) {
        world_.create("ada", prompt_);
        auto turn = answered("ada", words(bytes, 'm'));
        world_.disk().hold_writes();
        copy_all(*turn);
        return turn;
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
    EXPECT_TRUE(second->has_place());
    EXPECT_TRUE(second->waits());
    world_.disk().let_writes_go();
    second->save();
    first->save();
    EXPECT_EQ(first->result()->durability, Durability::kTokensAndKv) << first->result()->warning;
    EXPECT_EQ(second->result()->durability, Durability::kTokensAndKv) << second->result()->warning;
    EXPECT_GT(first->result()->save.blocks_written, 1u);
    expect_restorable("ada");
}

TEST_P(SaveSteps, TheNextTurnGoesOnWhileRowsAreCopied) {
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

TEST_P(SaveSteps, WhatTheNextTurnChangesIsCopiedBefore) {
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

TEST_P(SaveSteps, ATurnWaitsUntilWhatItChangesIsCopied) {
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

TEST_P(SaveSteps, ATurnThatIsGivenUpWhileRowsAreCopiedLeavesThem) {
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
