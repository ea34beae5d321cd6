// Stored state against a cold reading: good when it is right, and noticed when rows are not what they should
// be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/world.h"
#include "support/forwarding_engine.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

class Verifying : public MemoryTest {};
KVASIR_BOTH_MODELS(Verifying);

class VerifyingFamilies : public testing::TestWithParam<const char*> {
  protected:
    static WorldOptions options() {
        WorldOptions options;
        options.engine = engine_of_family(GetParam());
        return options;
    }
};
KVASIR_ALL_FAMILIES(VerifyingFamilies);

TEST_P(Verifying, WhatIsStoredIsWhatTheTokensMean) {
    World world(options());
    world.create("ada", "You are Ada. " + words(600));
    for (int i = 0; i < 3; ++i) world.say("ada", "message " + std::to_string(i));
    for (int restarted = 0; restarted < 2; ++restarted) {
        const auto report = world.memory().verify("ada");
        ASSERT_TRUE(report) << report.error().message;
        EXPECT_TRUE(report->good);
        EXPECT_TRUE(report->identical);
        EXPECT_EQ(report->deviation, 0);
        EXPECT_EQ(report->restored_tokens, report->tokens - 1) << "from disk, though it was resident";
        world.restart();
    }
    world.say("ada", "and it goes on");
}

TEST_P(Verifying, OthersLeaveForItOnlyWhereThereIsNoRoom) {
    WorldOptions tight = options();
    tight.engine.sequences = 3;
    tight.memory.agents_resident_max = 3;
    World world(tight);
    for (const char* name : {"ada", "eve", "bob"}) {
        world.create(name, std::string("You are ") + name);
        world.say(name, "hello");
    }
    ASSERT_TRUE(world.memory().verify("ada")) << world.memory().verify("ada").error().message;
    world.say("eve", "still here");
    world.say("ada", "still here");
}

TEST_P(Verifying, NothingToVerifyIsSaid) {
    World world(options());
    EXPECT_EQ(world.memory().verify("nobody").error().code, ErrorCode::kNotFound);
}

// A stored system prompt alone ends where no answer's last token is left to be read.
TEST_P(VerifyingFamilies, AnAgentWithoutTurns) {
    for (const std::uint32_t length : {20U, 31U, 32U, 33U, 600U}) {
        World world(options());
        world.create("ada", "You are Ada. " + words(length));
        for (int restarted = 0; restarted < 2; ++restarted) {
            const auto report = world.memory().verify("ada");
            ASSERT_TRUE(report) << report.error().message;
            EXPECT_TRUE(report->identical);
            EXPECT_TRUE(report->good);
            EXPECT_EQ(report->tokens, world.memory().show("ada")->token_count);
            EXPECT_EQ(report->restored_tokens, report->tokens) << "all of it from disk";
            world.restart();
        }
        world.say("ada", "and it goes on");
    }
}

TEST_P(VerifyingFamilies, OthersAndTheAgentItselfSpeakBetweenTheSteps) {
    WorldOptions few = options();
    few.engine.sequences = 2;
    few.memory.agents_resident_max = 2;
    World world(few);
    world.create("ada", "You are Ada. " + words(1400));
    world.say("ada", "hello");
    world.create("eve", "You are Eve.");
    auto run = world.memory().begin_verify("ada");
    ASSERT_TRUE(run) << run.error().message;
    int steps = 0;
    while (!(*run)->done()) {
        const Status step = (*run)->step();
        ASSERT_TRUE(step) << step.error().message;
        ++steps;
        world.say(steps % 3 == 0 ? "ada" : "eve", "message " + std::to_string(steps), 2);
    }
    EXPECT_GT(steps, 5);
    EXPECT_TRUE((*run)->report().good);
    EXPECT_TRUE((*run)->report().identical);
    run->reset();
    EXPECT_EQ(world.memory().cells_held({}), 0U);
}

TEST_P(VerifyingFamilies, OneAtATimeAndDroppedItLeavesNothing) {
    World world(options());
    for (const char* name : {"ada", "eve"}) {
        world.create(name, std::string("You are ") + name + ". " + words(900));
        world.say(name, "hello");
    }
    const std::uint32_t cells = world.engine().cells().append_used;
    for (int steps = 0; steps < 12; ++steps) {
        auto run = world.memory().begin_verify("ada");
        ASSERT_TRUE(run) << run.error().message;
        EXPECT_GT(world.memory().cells_held({}), 900U);
        const auto second = world.memory().begin_verify("eve");
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
        for (int i = 0; i < steps && !(*run)->done(); ++i) ASSERT_TRUE((*run)->step());
        run->reset();
        EXPECT_EQ(world.memory().cells_held({}), 0U);
        EXPECT_EQ(world.engine().cells().append_used, cells);
    }
    EXPECT_TRUE(world.memory().verify("eve"));
    world.say("ada", "and on");
}

// One token is read as another, once: what is stored is not what the tokens mean.
class MisreadingEngine final : public ForwardingEngine {
  public:
    using ForwardingEngine::ForwardingEngine;
    Status decode(std::span<const BatchRow> rows) override {
        std::vector<BatchRow> read(rows.begin(), rows.end());
        for (BatchRow& row : read) {
            if (misread_ || row.position != 100) continue;
            row.token = row.token == 'x' ? 'y' : 'x';
            misread_ = true;
        }
        return ForwardingEngine::decode(read);
    }

  private:
    bool misread_ = false;
};

TEST_P(Verifying, ControlOneWrongRowIsNoticed) {
    WorldOptions misreading = options();
    misreading.decorate = [](std::unique_ptr<Engine> inner) {
        return std::make_unique<MisreadingEngine>(std::move(inner));
    };
    World world(misreading);
    world.create("ada", "You are Ada. " + words(300));
    world.say_unchecked("ada", "hello");
    const auto report = world.memory().verify("ada");
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_FALSE(report->identical);
    EXPECT_GT(report->deviation, 0);
    EXPECT_FALSE(report->good);
}

}  // namespace
}  // namespace kvasir::test
