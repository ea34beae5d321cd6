// Disks that are full or fail: an acknowledged turn is durable, and nothing that was durable is lost.
#include <string>

#include "memory/world.h"

namespace kvasir::test {
namespace {

class Failures : public MemoryTest {};
KVASIR_BOTH_MODELS(Failures);

TEST_P(Failures, AFullDiskCostsTheKvAndNotTheTurn) {
    World world(options());
    world.create("ada", words(100));
    world.say("ada", "hello");
    world.disk().free = 900'000;  // below the first watermark
    const TurnResult turn = world.say("ada", words(100));
    EXPECT_EQ(turn.durability, Durability::kTokensOnly);
    EXPECT_NE(turn.warning, "");
    EXPECT_EQ(world.memory().show("ada")->state, AgentState::kPrefilled);
    world.restart();
    const TurnResult after = world.say("ada", "what did I say?");
    EXPECT_EQ(after.metrics.not_reused_reason, "not_stored");
    EXPECT_GT(after.metrics.reused_tokens, 0U);
    world.disk().free = 900'000'000;
    EXPECT_EQ(world.say("ada", "space is back").durability, Durability::kTokensAndKv);
    world.restart();
    EXPECT_EQ(world.say("ada", "all there?").metrics.not_reused_reason, "");
}

TEST_P(Failures, AWriteThatFailsInTheMiddleLeavesNoFileBehind) {
    World world(options());
    world.create("ada", words(100));
    for (std::uint32_t good = 0; good < 3; ++good) {
        const auto append = world.block_files(BlockKind::kAppend);
        const auto window = world.block_files(BlockKind::kWindow);
        world.disk().refuse_writes = Error{ErrorCode::kNoSpace, "no space left on device"};
        world.disk().writes_before_refusal = good;
        const TurnResult turn = world.say("ada", words(700));
        EXPECT_EQ(turn.durability, Durability::kTokensOnly) << "after " << good << " good writes";
        world.disk().refuse_writes.reset();
        if (turn.durability == Durability::kTokensOnly) {
            EXPECT_EQ(world.block_files(BlockKind::kAppend), append);
            EXPECT_EQ(world.block_files(BlockKind::kWindow), window);
        }
        const auto saved = world.memory().save("ada");
        ASSERT_TRUE(saved);
        EXPECT_EQ(saved->durability, Durability::kTokensAndKv) << saved->warning;
        world.restart();
        EXPECT_EQ(world.say("ada", "go on").metrics.not_reused_reason, "");
        ASSERT_TRUE(world.memory().remove("ada"));
        world.create("ada", words(100));
    }
}

TEST_P(Failures, AnAgentThatCannotBeSavedStillMakesPlace) {
    WorldOptions one = options();
    one.memory.agents_resident_max = 1;
    World world(one);
    world.create("ada", words(100));
    world.disk().free = 900'000;
    world.say("ada", "hello");
    const auto created = world.memory().create("eve", "t", words(80, 'e'));
    ASSERT_TRUE(created);
    EXPECT_NE(created->save.warning.find("'ada'"), std::string::npos) << created->save.warning;
    EXPECT_EQ(world.memory().resident(), std::vector<std::string>{"eve"});
    world.say("ada", "still you?");
}

class Commits : public MemoryTest {};
KVASIR_BOTH_MODELS(Commits);

TEST_P(Commits, AnAnswerThatCannotBeMadeDurableIsTakenBack) {
    FaultVfs vfs;
    WorldOptions faulty = options();
    faulty.vfs = &vfs;
    World world(faulty);
    world.create("ada", words(100));
    world.create("eve", words(50, 'e'));
    world.say("ada", "hello");
    int failed = 0;
    for (const VfsFault fault : {VfsFault::kDiskFull, VfsFault::kIoError}) {
        vfs.fail_nth(1, fault, VfsRepeat::kForever, VfsCalls::kAll);
        const auto turn = world.memory().message("ada", words(90), {});
        vfs.heal();
        ASSERT_FALSE(turn);
        ++failed;
        EXPECT_TRUE(turn.error().code == ErrorCode::kNoSpace || turn.error().code == ErrorCode::kIo)
            << turn.error().message;
        EXPECT_NE(turn.error().message.find("not made durable"), std::string::npos) << turn.error().message;
        EXPECT_EQ(world.memory().show("ada")->token_count, world.exact().tokens("ada").size());
        world.say("ada", "do you hear me?");
        world.say("eve", "and you?");
    }
    EXPECT_EQ(failed, 2);
    world.restart();
    EXPECT_EQ(world.say("ada", "after the restart").metrics.not_reused_reason, "");
}

// Every call of SQLite fails once: a turn is durable or was never said.
TEST_P(Commits, EveryCatalogCallFailsOnce) {
    FaultVfs vfs;
    WorldOptions faulty = options();
    faulty.vfs = &vfs;
    World world(faulty);
    world.create("ada", words(60));
    world.say("ada", "hello");
    MessageOptions message;
    message.answer_tokens_max = 4;
    std::uint32_t failed = 0;
    std::uint32_t tokens_only = 0;
    bool fault_given = true;
    for (std::uint64_t nth = 1; fault_given; ++nth) {
        vfs.fail_nth(nth, VfsFault::kIoError, VfsRepeat::kOnce);
        const auto turn = world.memory().message("ada", "m", message);
        fault_given = vfs.faults_given() > 0;
        vfs.heal();
        if (turn) {
            EXPECT_EQ(turn->text, world.exact().answer(world.engine().fake(), "ada", "m", 4))
                << "call " << nth;
            if (turn->durability == Durability::kTokensOnly) ++tokens_only;
        } else {
            ++failed;
            EXPECT_TRUE(fault_given) << turn.error().message;
        }
        EXPECT_EQ(world.memory().show("ada")->token_count, world.exact().tokens("ada").size())
            << "call " << nth;
        if (nth % 5 == 0) world.restart();
        ASSERT_LT(nth, 100U);
    }
    EXPECT_GT(failed, 0U);
    EXPECT_GT(tokens_only, 0U);
    world.restart();
    world.say("ada", "the end");
}

TEST_P(Commits, NoTurnStartsWhenOnlyTheReserveIsLeft) {
    World world(options());
    world.create("ada", words(60));
    world.disk().free = 0;
    const auto first = world.memory().message("ada", "hello", {});
    if (first) world.exact().answer(world.engine().fake(), "ada", "hello", kAnswerTokensDefault);
    world.disk().free = 100ULL * 1000 * 1000 * 1000;
    world.say("ada", "hello again");
}

}  // namespace
}  // namespace kvasir::test
