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
