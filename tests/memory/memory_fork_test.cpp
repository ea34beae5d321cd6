// A fork of somebody resident: append cells are shared, window rows and states copied, nothing is read from
// disk or evaluated again. Who leaves, who stays, and what a copy cannot do.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "memory/driving.h"
#include "memory/world.h"
#include "support/forwarding_engine.h"

namespace kvasir::test {
namespace {

class MemoryForks : public testing::TestWithParam<const char*> {
  protected:
    WorldOptions options() const {
        WorldOptions options;
        options.engine = engine_of_family(GetParam());
        return options;
    }
    static void make_ada(World& world) {
        world.create("ada", "You are Ada. " + words(120));
        world.say("ada", "first");
    }
    static void fork(World& world, const std::string& from, const std::string& to) {
        const auto forked = world.memory().fork(from, to, std::nullopt);
        ASSERT_TRUE(forked) << forked.error().message;
        world.exact().copy(to, world.exact(), from);
    }
    static Position rows_of(World& world, const std::string& name) {
        return static_cast<Position>(world.exact().tokens(name).size() - 1);
    }
    static std::uint32_t cells_used(World& world) { return world.engine().cells().append_used; }
    static bool is_resident(World& world, const std::string& name) {
        const auto agents = world.memory().memory_usage().agents;
        return std::any_of(agents.begin(), agents.end(), [&](const auto& use) { return use.name == name; });
    }
};
KVASIR_ALL_FAMILIES(MemoryForks);

TEST_P(MemoryForks, ReadNoBlockAndEvaluateOnlyWhatIsNew) {
    World world(options());
    make_ada(world);
    fork(world, "ada", "bob");
    const Position before = rows_of(world, "bob");
    world.disk().refuse_reads = Error{ErrorCode::kIo, "nothing is to be read"};
    const TurnResult turn = world.say("bob", "another way");
    EXPECT_EQ(turn.metrics.source, ReuseSource::kMemoryFork);
    EXPECT_EQ(turn.metrics.reused_tokens, before);
    EXPECT_EQ(turn.metrics.not_reused_reason, "");
    EXPECT_EQ(turn.durability, Durability::kTokensAndKv) << turn.warning;
    EXPECT_EQ(world.say("ada", "second").metrics.source, ReuseSource::kResident);
    world.disk().refuse_reads.reset();
    world.restart();
    const TurnResult later = world.say("bob", "after a restart");
    EXPECT_EQ(later.metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(later.metrics.not_reused_reason, "");
    world.say("ada", "after a restart");
}

// Loading is as free: a fork that nobody has spoken to yet becomes resident.
TEST_P(MemoryForks, AreLoadedWithoutReadingAnything) {
    World world(options());
    make_ada(world);
    fork(world, "ada", "bob");
    world.disk().refuse_reads = Error{ErrorCode::kIo, "nothing is to be read"};
    const auto loaded = world.memory().load("bob");
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->source, ReuseSource::kMemoryFork);
    EXPECT_EQ(loaded->restored_tokens, rows_of(world, "bob"));
    EXPECT_EQ(loaded->evaluated_tokens, 0U);
    EXPECT_EQ(world.memory().show("bob")->state, AgentState::kReady) << "its KV is stored: the source's is";
    EXPECT_EQ(world.say("bob", "another way").metrics.source, ReuseSource::kResident);
}

TEST_P(MemoryForks, ShareTheCellsUntilTheLastHolderLeaves) {
    World world(options());
    make_ada(world);
    const std::uint32_t of_ada = cells_used(world);
    EXPECT_EQ(of_ada, rows_of(world, "ada"));
    fork(world, "ada", "bob");
    world.say("bob", "another way");
    EXPECT_EQ(cells_used(world), rows_of(world, "bob")) << "what bob has of ada is counted once";
    // The source leaves while the fork lives: what they share stays, for bob.
    ASSERT_TRUE(world.memory().evict("ada"));
    EXPECT_EQ(cells_used(world), rows_of(world, "bob"));
    EXPECT_EQ(world.say("bob", "and on").metrics.source, ReuseSource::kResident);
    // It comes back, from bob where rows alone make an agent.
    const TurnResult back = world.say("ada", "back");
    const Position shared = back.metrics.reused_tokens;
    EXPECT_GE(shared, of_ada);
    EXPECT_NE(back.metrics.source, ReuseSource::kNone);
    if (!world.engine().kv_layout().has_window() && !world.engine().kv_layout().has_snapshot()) {
        EXPECT_EQ(back.metrics.source, ReuseSource::kMemoryFork);
        EXPECT_EQ(cells_used(world), rows_of(world, "bob") + rows_of(world, "ada") - shared);
    }
    ASSERT_TRUE(world.memory().evict("bob"));
    EXPECT_EQ(cells_used(world), rows_of(world, "ada"));
    world.say("ada", "alone again");
    ASSERT_TRUE(world.memory().evict("ada"));
    EXPECT_EQ(cells_used(world), 0U);
    EXPECT_EQ(world.engine().open_sequences(), 0U);
}

TEST_P(MemoryForks, TheSourceIsNotTheOneWhoLeavesForThem) {
    World world(options());  // three places
    make_ada(world);
    for (const char* name : {"carl", "dora"}) {
        world.create(name, std::string("You are ") + name);
        world.say(name, "hello");
    }
    fork(world, "ada", "bob");
    EXPECT_EQ(world.say("bob", "another way").metrics.source, ReuseSource::kMemoryFork);
    EXPECT_TRUE(is_resident(world, "ada")) << "though nobody was used longer ago";
    EXPECT_FALSE(is_resident(world, "carl"));
    EXPECT_TRUE(is_resident(world, "dora"));
    world.say("carl", "I had to leave");
}

TEST_P(MemoryForks, PinnedAgentsDoNotLeaveForTheSource) {
    World world(options());
    make_ada(world);
    for (const char* name : {"carl", "dora"}) {
        world.create(name, std::string("You are ") + name);
        world.say(name, "hello");
        AgentChange pin;
        pin.pinned = Pinned::kYes;
        ASSERT_TRUE(world.memory().change(name, pin));
    }
    fork(world, "ada", "bob");
    EXPECT_EQ(world.say("bob", "another way").metrics.source, ReuseSource::kDisk);
    EXPECT_FALSE(is_resident(world, "ada"));
    EXPECT_TRUE(is_resident(world, "carl"));
    EXPECT_TRUE(is_resident(world, "dora"));
    world.say("ada", "I had to leave");
}

// Windows and states move on with the source, and then the fork is what the store has.
TEST_P(MemoryForks, OfASourceThatHasGoneOnAreRightWhereverTheyComeFrom) {
    World world(options());
    make_ada(world);
    fork(world, "ada", "bob");
    const Position before = rows_of(world, "bob");
    world.say("ada", "second " + words(80));
    const TurnResult turn = world.say("bob", "another way");
    EXPECT_GE(turn.metrics.reused_tokens, before);
    const bool rows_alone =
        !world.engine().kv_layout().has_window() && !world.engine().kv_layout().has_snapshot();
    EXPECT_EQ(turn.metrics.source, rows_alone ? ReuseSource::kMemoryFork : ReuseSource::kDisk);
    world.say("ada", "third");
}

TEST_P(MemoryForks, OfASourceThatIsAnsweringDisturbNobody) {
    World world(options());
    make_ada(world);
    fork(world, "ada", "bob");
    TurnRequest request;
    request.agent = "ada";
    request.messages = {said(Role::kUser, "second")};
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = 12;
    auto run = world.memory().begin_turn(std::move(request), {});
    ASSERT_TRUE(run) << run.error().message;
    (*run)->restore();
    const auto step = [&] {
        std::vector<BatchRow> rows;
        ASSERT_GT((*run)->add_rows(rows, 512), 0U);
        ASSERT_TRUE(world.memory().evaluate(rows));
        (*run)->evaluated(0);
    };
    while ((*run)->stage() == TurnStage::kPrefill) step();
    if ((*run)->stage() == TurnStage::kDecode) step();
    const TurnResult turn = world.say("bob", "another way");
    EXPECT_GT(turn.metrics.reused_tokens, 0U);
    while ((*run)->stage() == TurnStage::kDecode) step();
    (*run)->save();
    ASSERT_TRUE((*run)->result());
    EXPECT_EQ((*run)->result()->text, world.exact().answer(world.engine().fake(), "ada", "second", 12));
}

TEST_P(MemoryForks, ANewAgentBeginsWithTheSystemPromptOfOneThatIsResident) {
    World world(options());
    const std::string prompt = "You are one of many. " + words(200);
    world.create("ada", prompt);
    world.disk().refuse_reads = Error{ErrorCode::kIo, "nothing is to be read"};
    const CreateResult made = world.create("bob", prompt);
    EXPECT_EQ(made.evaluated_tokens, 0U);
    EXPECT_EQ(made.save.append_rows_written, 0U);
    EXPECT_EQ(cells_used(world), made.reused_tokens);
    world.say("bob", "hello");
    world.say("ada", "hello");
}

// What is stored is looked at, though another holds the same rows.
TEST_P(MemoryForks, AreNotWhatVerifyLooksAt) {
    WorldOptions wide = options();
    wide.engine.sequences = 6;  // nobody has to leave for the check
    World world(wide);
    make_ada(world);
    fork(world, "ada", "bob");
    ASSERT_TRUE(world.memory().load("bob"));
    const auto good = world.memory().verify("ada");
    ASSERT_TRUE(good) << good.error().message;
    EXPECT_EQ(good->restored_tokens, rows_of(world, "ada"));
    EXPECT_EQ(good->warning, "");
    world.disk().refuse_reads = Error{ErrorCode::kIo, "the disk is gone"};
    const auto unreadable = world.memory().verify("ada");
    ASSERT_TRUE(unreadable) << unreadable.error().message;
    EXPECT_EQ(unreadable->restored_tokens, 0U);
    EXPECT_NE(unreadable->warning, "");
    EXPECT_TRUE(is_resident(world, "bob"));
}

// The engine has no room for another window, or whatever it is.
class RefusingFork final : public ForwardingEngine {
  public:
    using ForwardingEngine::ForwardingEngine;
    Status fork(SequenceId, SequenceId, Position) override {
        return fail(ErrorCode::kOutOfMemory, "no cells");
    }
};

TEST_P(MemoryForks, ThatAreRefusedComeFromTheStore) {
    WorldOptions refusing = options();
    refusing.decorate = [](std::unique_ptr<Engine> engine) -> std::unique_ptr<Engine> {
        return std::make_unique<RefusingFork>(std::move(engine));
    };
    World world(refusing);
    make_ada(world);
    fork(world, "ada", "bob");
    const Position before = rows_of(world, "bob");
    const TurnResult turn = world.say("bob", "another way");
    EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(turn.metrics.reused_tokens, before);
    EXPECT_EQ(cells_used(world), rows_of(world, "ada") + rows_of(world, "bob"));
}

// The control: a fork that copies something else is seen.
class WrongFork final : public ForwardingEngine {
  public:
    using ForwardingEngine::ForwardingEngine;
    Status fork(SequenceId, SequenceId to, Position position) override {
        for (Position i = 0; i < position; ++i) {
            const BatchRow row{to, i == position / 2 ? 'x' : 'y', i, false};
            KVASIR_TRY(ForwardingEngine::decode({&row, 1}));
        }
        return {};
    }
};

TEST_P(MemoryForks, ThatCopyOtherRowsAreSeen) {
    WorldOptions wrong = options();
    wrong.decorate = [](std::unique_ptr<Engine> engine) -> std::unique_ptr<Engine> {
        return std::make_unique<WrongFork>(std::move(engine));
    };
    World world(wrong);
    make_ada(world);
    fork(world, "ada", "bob");
    const TurnResult turn = world.say_unchecked("bob", "another way");
    EXPECT_EQ(turn.metrics.source, ReuseSource::kMemoryFork);
    EXPECT_NE(turn.text, world.exact().answer(world.engine().fake(), "bob", "another way", 12));
}

}  // namespace
}  // namespace kvasir::test
