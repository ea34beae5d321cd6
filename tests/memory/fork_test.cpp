// Forks and going back: the conversation is exactly what it was there, KV is shared and not copied, and what
// follows is what an agent would say that never knew anything else.
#include <algorithm>
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/world.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

class Forks : public MemoryTest {};
KVASIR_BOTH_MODELS(Forks);

TEST_P(Forks, AForkGoesOnWithoutReadingAndTheSourceDoesNotNotice) {
    World world(options());
    world.create("ada", "You are Ada. " + words(120));
    world.say("ada", "first");
    const auto files = world.block_files(BlockKind::kAppend);
    const auto forked = world.memory().fork("ada", "bob", std::nullopt);
    ASSERT_TRUE(forked) << forked.error().message;
    EXPECT_EQ(forked->turn, 1U);
    EXPECT_EQ(forked->source, "ada");
    EXPECT_EQ(world.block_files(BlockKind::kAppend), files) << "no block was copied";
    world.exact().copy("bob", world.exact(), "ada");
    const std::size_t before = world.exact().tokens("bob").size();
    const TurnResult turn = world.say("bob", "another way");
    EXPECT_EQ(turn.metrics.reused_tokens, before - 1);
    EXPECT_EQ(turn.metrics.source, ReuseSource::kMemoryFork) << "ada is resident: see memory_fork_test.cpp";
    // What the fork stored goes a few tokens of the template further than ada's rows: no reason to read it.
    EXPECT_EQ(world.say("ada", "second").metrics.source, ReuseSource::kResident);
    world.restart();
    EXPECT_EQ(world.say("bob", "third").metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(world.memory().turns("bob")->size(), 4U);
    EXPECT_EQ(world.memory().turns("ada")->size(), 3U);
}

TEST_P(Forks, AForkAtAnEarlierTurnKnowsNothingOfLaterOnes) {
    World world(options());
    world.create("ada", "You are Ada. " + words(200));
    world.say("ada", "first " + words(100));
    const ExactAgents then = world.exact();
    world.say("ada", "second " + words(300));
    world.say("ada", "third");
    const auto forked = world.memory().fork("ada", "bob", 1);
    ASSERT_TRUE(forked) << forked.error().message;
    EXPECT_EQ(forked->agent.turn_count, 1U);
    EXPECT_EQ(forked->agent.token_count, then.tokens("ada").size());
    world.exact().copy("bob", then, "ada");
    EXPECT_GT(world.say("bob", "another way").metrics.reused_tokens, 0U);
    const auto root = world.memory().fork("ada", "carl", 0);
    ASSERT_TRUE(root) << root.error().message;
    EXPECT_EQ(root->agent.turn_count, 0U);
    EXPECT_EQ(world.memory().turns("carl")->size(), 1U);
}

TEST_P(Forks, ErasingTheSourceLeavesTheForkItsKvAndNoneOfTheLaterWords) {
    World world(options());
    world.create("ada", "You are Ada. " + words(500));
    world.say("ada", "first");
    const ExactAgents then = world.exact();
    world.say("ada", "second, which nobody else was told");
    ASSERT_TRUE(world.memory().fork("ada", "bob", 1));
    world.exact().copy("bob", then, "ada");
    const auto receipt = world.memory().remove("ada");
    ASSERT_TRUE(receipt);
    EXPECT_GT(receipt->blocks_kept, 0U);
    const auto record = world.store().catalog().agent("bob");
    ASSERT_TRUE(record);
    const auto blocks = world.store().catalog().referenced_blocks(record->id);
    ASSERT_TRUE(blocks);
    for (const StoredBlock& block : *blocks) EXPECT_LE(block.range.end, then.tokens("ada").size());
    EXPECT_EQ(world.block_files(BlockKind::kAppend).size(), world.memory().cache("bob")->append_blocks)
        << "every file that is left is bob's";
    world.restart();
    // The rows between the last full block and the fork's end were in a block that went on with words of ada.
    const TurnResult turn = world.say("bob", "and now?");
    if (!windowed()) {
        EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
        EXPECT_EQ(turn.metrics.reused_tokens, 512U);
    }
    EXPECT_TRUE(world.store().catalog().check());
}

TEST_P(Forks, GoingBackForgetsWhatWasSaidSinceAndASiblingFollows) {
    World world(options());
    world.create("ada", "You are Ada. " + words(100));
    world.say("ada", "first");
    const ExactAgents then = world.exact();
    world.say("ada", "second");
    world.say("ada", "third");
    const auto back = world.memory().roll_back("ada", 1);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->turns_left, 2U);
    EXPECT_EQ(back->agent.turn_count, 1U);
    EXPECT_EQ(back->agent.token_count, then.tokens("ada").size());
    EXPECT_LE(back->agent.cache_tokens, back->agent.token_count);
    world.exact() = then;
    const TurnResult turn = world.say("ada", "another second");
    EXPECT_EQ(turn.turn, 2U);
    EXPECT_GT(turn.metrics.reused_tokens, 0U);
    world.restart();
    world.say("ada", "another third");
    EXPECT_EQ(world.memory().turns("ada")->back().user_text, "another third");
    EXPECT_TRUE(world.store().catalog().check());
}

TEST_P(Forks, GoingBackToTheSystemPromptBeginsAnew) {
    World world(options());
    world.create("ada", "You are Ada. " + words(100));
    const ExactAgents then = world.exact();
    world.say("ada", "first");
    ASSERT_TRUE(world.memory().roll_back("ada", 0));
    world.exact() = then;
    EXPECT_EQ(world.say("ada", "anew").turn, 1U);
}

TEST_P(Forks, WhatCannotBeForkedOrReachedIsToldAndNothingChanges) {
    World world(options());
    world.create("ada", "You are Ada.");
    world.create("bob", "You are Bob.");
    world.say("ada", "first");
    const auto refused = [](const auto& result) {
        return result ? ErrorCode::kUnavailable : result.error().code;
    };
    EXPECT_EQ(refused(world.memory().fork("ada", "bob", std::nullopt)), ErrorCode::kConflict);
    EXPECT_EQ(refused(world.memory().fork("nobody", "carl", std::nullopt)), ErrorCode::kNotFound);
    EXPECT_EQ(refused(world.memory().fork("ada", "../carl", std::nullopt)), ErrorCode::kInvalidArgument);
    const auto late = world.memory().fork("ada", "carl", 2);
    EXPECT_EQ(refused(late), ErrorCode::kNotFound);
    EXPECT_THAT(late.error().message, HasSubstr("has no turn 2"));
    EXPECT_EQ(refused(world.memory().roll_back("ada", 2)), ErrorCode::kNotFound);
    EXPECT_EQ(refused(world.memory().roll_back("nobody", 0)), ErrorCode::kNotFound);
    EXPECT_FALSE(world.memory().show("carl"));
    EXPECT_EQ(world.memory().show("ada")->turn_count, 1U);
    world.say("ada", "second");
}

// Any order of messages, forks, ways back, evictions, erasures and restarts, against what tokens alone say.
class RandomTree {
  public:
    RandomTree(World& world, std::uint32_t seed) : world_(world), random_(seed) {
        world_.create("a0", "You are one of many. " + words(60));
        history_["a0"] = {world_.exact()};
    }
    void run(int operations) {
        for (int i = 0; i < operations && !testing::Test::HasFailure(); ++i) step();
        EXPECT_TRUE(world_.store().catalog().check());
    }

  private:
    std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
    std::string any() {
        auto agent = history_.begin();
        std::advance(agent, below(history_.size()));
        return agent->first;
    }
    void step() {
        const std::string name = any();
        auto& then = history_.at(name);
        const std::uint32_t turn = below(then.size());
        const std::uint32_t drawn = below(100);
        if (drawn < 55) {
            if (world_.exact().tokens(name).size() > 700) return back(name, turn);
            world_.say(name, words(1 + below(60), static_cast<char>('a' + below(26))), 1 + below(10));
            then.push_back(world_.exact());
        } else if (drawn < 70) {
            fork(name, turn);
        } else if (drawn < 82) {
            back(name, turn);
        } else if (drawn < 90) {
            EXPECT_TRUE(world_.memory().evict(name));
        } else if (drawn < 95) {
            world_.restart();
        } else if (history_.size() > 2) {
            EXPECT_TRUE(world_.memory().remove(name));
            world_.exact().remove(name);
            history_.erase(name);
        }
    }
    void fork(const std::string& name, std::uint32_t turn) {
        if (history_.size() > 8) return;
        const std::string made = "a" + std::to_string(++made_);
        const auto forked = world_.memory().fork(name, made, turn);
        ASSERT_TRUE(forked) << forked.error().message;
        const auto& then = history_.at(name);
        world_.exact().copy(made, then[turn], name);
        if (turn > 0) {
            EXPECT_EQ(forked->agent.token_count, world_.exact().tokens(made).size());
        }
        for (std::uint32_t i = 0; i <= turn; ++i) {
            ExactAgents of_fork;
            of_fork.copy(made, then[i], name);
            history_[made].push_back(std::move(of_fork));
        }
    }
    void back(const std::string& name, std::uint32_t turn) {
        const auto result = world_.memory().roll_back(name, turn);
        ASSERT_TRUE(result) << result.error().message;
        auto& then = history_.at(name);
        world_.exact().copy(name, then[turn], name);
        then.resize(turn + 1);
    }

    World& world_;
    std::mt19937 random_;
    std::map<std::string, std::vector<ExactAgents>> history_;  // by turn
    int made_ = 0;
};

TEST_P(Forks, AnyOrderOfOperationsGivesTheExactAnswers) {
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
        World world(options());
        RandomTree(world, seed).run(250);
    }
}

}  // namespace
}  // namespace kvasir::test
