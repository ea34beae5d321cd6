// Names, titles and pins of agents, and agents that nobody uses any more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/agent_title.h"
#include "memory/driving.h"
#include "memory/utf8.h"

namespace kvasir::test {
namespace {

using Names = std::vector<std::string>;

constexpr std::int64_t kLongAgo = 1;
constexpr std::int64_t kMuchLater = 4'000'000'000'000;

class Upkeep : public MemoryTest {};
KVASIR_BOTH_MODELS(Upkeep);

AgentChange pin(Pinned pinned) {
    AgentChange change;
    change.pinned = pinned;
    return change;
}

AgentChange rename_to(const std::string& name) {
    AgentChange change;
    change.name = name;
    return change;
}

// One turn of an agent that the request makes.
void say_as_session(World& world, const std::string& name, const std::string& text) {
    TurnRequest request;
    request.agent = name;
    request.create_missing = CreateMissing::kYes;
    request.history = History::kSent;
    request.made_by = MadeBy::kSession;
    request.messages = {{Role::kSystem, "You are a session.", {}, {}, {}, {}},
                        {Role::kUser, text, {}, {}, {}, {}}};
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = 6;
    const auto turn = drive(world, request);
    ASSERT_TRUE(turn) << turn.error().message;
}

TEST_P(Upkeep, APinnedAgentLeavesLast) {
    World world(options());
    for (const char* name : {"a", "b", "c"}) world.create(name, name);
    ASSERT_TRUE(world.memory().change("a", pin(Pinned::kYes)));
    world.create("d", "d");
    EXPECT_EQ(world.memory().resident(), (Names{"a", "c", "d"})) << "a is the least recently used";
    ASSERT_TRUE(world.memory().change("c", pin(Pinned::kYes)));
    ASSERT_TRUE(world.memory().change("d", pin(Pinned::kYes)));
    world.say("b", "back");
    EXPECT_EQ(world.memory().resident(), (Names{"c", "d", "b"})) << "no other can leave";
    world.restart();
    for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(world.memory().load(name));
    ASSERT_TRUE(world.memory().load("d"));
    EXPECT_EQ(world.memory().resident(), (Names{"a", "c", "d"})) << "a pin outlives the process";
    ASSERT_TRUE(world.memory().change("a", pin(Pinned::kNo)));
    world.say("b", "again");
    EXPECT_EQ(world.memory().resident(), (Names{"c", "d", "b"}));
}

TEST_P(Upkeep, ControlWithoutAPinTheLeastRecentlyUsedLeaves) {
    World world(options());
    for (const char* name : {"a", "b", "c", "d"}) world.create(name, name);
    EXPECT_EQ(world.memory().resident(), (Names{"b", "c", "d"}));
}

TEST_P(Upkeep, ARenamedAgentGoesOnWhereItWas) {
    World world(options());
    world.create("ada", "You are Ada. " + words(60));
    world.say("ada", "one");
    const auto renamed = world.memory().change("ada", rename_to("eve"));
    ASSERT_TRUE(renamed) << renamed.error().message;
    EXPECT_EQ(renamed->name, "eve");
    EXPECT_EQ(renamed->state, AgentState::kReady) << "its KV stays in memory";
    EXPECT_EQ(world.memory().show("ada").error().code, ErrorCode::kNotFound);
    world.exact().copy("eve", world.exact(), "ada");
    EXPECT_EQ(world.say("eve", "two").metrics.source, ReuseSource::kResident);
    world.restart();
    const TurnResult third = world.say("eve", "three");
    EXPECT_EQ(third.metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(third.turn, 3U);
    world.create("ada", "Another Ada.");  // the name is free
    world.say("ada", "hello");
}

TEST_P(Upkeep, WhatCannotBeChangedIsToldAndNothingChanges) {
    World world(options());
    world.create("ada", "You are Ada.");
    world.create("eve", "You are Eve.");
    EXPECT_EQ(world.memory().change("ada", rename_to("eve")).error().code, ErrorCode::kConflict);
    EXPECT_EQ(world.memory().change("ada", rename_to("../x")).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(world.memory().change("nobody", rename_to("x")).error().code, ErrorCode::kNotFound);
    AgentChange title;
    title.title = std::string(1000, 'x');
    EXPECT_EQ(world.memory().change("ada", title).error().code, ErrorCode::kInvalidArgument);
    title.title = "\xff";
    EXPECT_EQ(world.memory().change("ada", title).error().code, ErrorCode::kInvalidArgument);
    MessageOptions message;
    ErrorCode in_a_turn = ErrorCode::kIo;
    bool pinned_in_a_turn = false;
    message.on_progress = [&](TurnPhase, Position, Position) {
        in_a_turn = world.memory().change("ada", rename_to("carl")).error().code;
        pinned_in_a_turn = world.memory().change("ada", pin(Pinned::kYes)).has_value();
    };
    ASSERT_TRUE(world.memory().message("ada", "hello", message));
    EXPECT_EQ(in_a_turn, ErrorCode::kConflict);
    EXPECT_TRUE(pinned_in_a_turn);
    EXPECT_EQ(world.memory().show("ada")->pinned, Pinned::kYes);
    EXPECT_EQ(world.memory().show("ada")->title, "");
}

TEST_P(Upkeep, OnlySessionsExpireOneByOneAndTheirFilesGo) {
    WorldOptions with_events = options();
    Names expired;
    with_events.memory.on_event = [&](const MemoryEvent& event) {
        if (event.kind == MemoryEventKind::kExpired) expired.push_back(event.agent);
    };
    World world(with_events);
    world.create("ada", "You are Ada.");
    say_as_session(world, "s1", "the first " + words(300, 'a'));
    say_as_session(world, "s2", "the second");
    say_as_session(world, "s3", "the third");
    ASSERT_TRUE(world.memory().change("s2", pin(Pinned::kYes)));
    ASSERT_TRUE(world.memory().change("s3", rename_to("mine")));
    ASSERT_TRUE(world.memory().expire_one(kLongAgo));
    EXPECT_FALSE(world.memory().expire_one(kLongAgo)->has_value()) << "all were used since";
    const std::size_t files = world.block_files(BlockKind::kAppend).size();
    const auto gone = world.memory().expire_one(kMuchLater);
    ASSERT_TRUE(gone && gone->has_value());
    EXPECT_EQ((*gone)->agent, "s1");
    EXPECT_EQ((*gone)->turns_removed, 1U);
    EXPECT_LT(world.block_files(BlockKind::kAppend).size(), files);
    EXPECT_FALSE(world.memory().expire_one(kMuchLater)->has_value());
    EXPECT_EQ(expired, (Names{"s1"}));
    Names left;
    const auto agents = world.memory().list();
    for (const AgentInfo& agent : *agents) left.push_back(agent.name);
    EXPECT_EQ(left, (Names{"ada", "mine", "s2"}));
    world.say("ada", "still here?");
}

TEST_P(Upkeep, ASessionIsTitledByItsFirstMessage) {
    World world(options());
    say_as_session(world, "s1", "<system-reminder>\nnot this\n</system-reminder>\nFix the\n  build, please");
    const auto agent = world.memory().show("s1");
    ASSERT_TRUE(agent);
    EXPECT_EQ(agent->title, "Fix the build, please");
    EXPECT_EQ(agent->made_by, MadeBy::kSession);
    world.create("ada", "You are Ada.");
    EXPECT_EQ(world.memory().show("ada")->made_by, MadeBy::kUser);
}

std::string title_of_text(const std::string& text) {
    const std::vector<ChatMessage> messages = {{Role::kSystem, "system", {}, {}, {}, {}},
                                               {Role::kUser, text, {}, {}, {}, {}}};
    return title_of(messages);
}

TEST(Titles, AreOneShortLineOfWholeCharacters) {
    EXPECT_EQ(title_of_text("  hello \n\t there\x7f "), "hello there");
    EXPECT_EQ(title_of_text(""), "");
    EXPECT_EQ(title_of_text("<a>one</a>\n<b-c>two</b-c> three"), "three");
    EXPECT_EQ(title_of_text("<a>never closed"), "<a>never closed");
    EXPECT_EQ(title_of_text("< 3 is a heart"), "< 3 is a heart");
    EXPECT_EQ(title_of_text("<only>tags</only>"), "");
    std::string umlauts;
    for (int i = 0; i < 100; ++i) umlauts += "\xC3\xA4";
    for (int shift = 0; shift < 4; ++shift) {
        const std::string title = title_of_text(std::string(static_cast<std::size_t>(shift), 'x') + umlauts);
        EXPECT_LE(title.size(), 60U);
        EXPECT_TRUE(is_valid_utf8(title)) << title;
        EXPECT_TRUE(title.ends_with("\xE2\x80\xA6")) << title;
    }
}

}  // namespace
}  // namespace kvasir::test
