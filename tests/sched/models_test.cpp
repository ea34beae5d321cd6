// Several models: who is loaded for whom, who leaves, and what is told when it cannot be.
#include <functional>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sched/models_world.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

constexpr ModelIndex kFirst{0};
constexpr ModelIndex kSecond{1};

ModelsWorldOptions for_one() {
    ModelsWorldOptions options;
    options.memory_bytes = kModelBytes + kModelBytes / 2;
    return options;
}

TurnRequest message_to(const std::string& agent, const std::string& text) {
    TurnRequest request;
    request.agent = agent;
    request.messages = {{Role::kUser, text, {}, {}, {}, {}}};
    return request;
}

TurnRequest sent_as(const std::string& agent, const std::string& text) {
    TurnRequest request = message_to(agent, text);
    request.history = History::kSent;
    request.create_missing = CreateMissing::kYes;
    request.other_model = OtherModel::kTwin;
    return request;
}

bool wait_until(const std::function<bool()>& holds) {
    for (int i = 0; i < 1000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return holds();
}

void expect_exact(ModelsWorld& world, const std::string& agent, std::size_t model, const std::string& text) {
    const auto turn = world.say(agent, text);
    ASSERT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(turn->text, world.expected(agent, model, text)) << agent;
}

TEST(Models, EachIsLoadedWhenItIsAskedFor) {
    ModelsWorld world;
    ASSERT_TRUE(world.wait_for(0, ModelState::kLoaded));
    EXPECT_EQ(world.model(1).state, ModelState::kUnloaded);
    ASSERT_TRUE(world.create("ada", 0));
    ASSERT_TRUE(world.create("bob", 1));
    for (int i = 0; i < 3; ++i) {
        expect_exact(world, "ada", 0, "hello " + std::to_string(i));
        expect_exact(world, "bob", 1, "hello " + std::to_string(i));
    }
    // Told of a model from the end of a round, and saved behind the answer: later than it.
    EXPECT_TRUE(wait_until([&] { return world.model(1).stats.turns_done == 3; }));
    EXPECT_TRUE(wait_until([&] { return world.show("bob").state == AgentState::kReady; }));
    EXPECT_EQ(world.model(0).loads, 1U);
    EXPECT_EQ(world.model(1).loads, 1U);
}

TEST(Models, OneLeavesForAnotherAndComesBackWithEverything) {
    ModelsWorld world(for_one());
    ASSERT_TRUE(world.create("ada", 0));
    expect_exact(world, "ada", 0, "one");
    ASSERT_TRUE(world.create("bob", 1));
    EXPECT_EQ(world.model(0).state, ModelState::kUnloaded);
    EXPECT_EQ(world.show("ada").state, AgentState::kStored);
    const auto turn = world.say("ada", "two");
    ASSERT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(turn->text, world.expected("ada", 0, "two"));
    EXPECT_EQ(turn->metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(turn->metrics.not_reused_reason, "");
    EXPECT_LT(turn->metrics.evaluated_tokens, 100U);
    EXPECT_EQ(world.most_living, 1);
    EXPECT_EQ(world.model(0).unloads, 1U);
}

TEST(Models, SoManyAtATimeAsAreAllowed) {
    ModelsWorldOptions options;
    options.loaded_max = 1;
    ModelsWorld world(options);
    ASSERT_TRUE(world.create("ada", 0));
    ASSERT_TRUE(world.create("bob", 1));
    expect_exact(world, "ada", 0, "one");
    EXPECT_EQ(world.most_living, 1);
}

TEST(Models, OneThatCannotBeLoadedLeavesTheOtherServing) {
    ModelsWorld world(for_one());
    world.refuse_to_check(1, {ErrorCode::kModelUnusable, "the file is truncated"});
    ASSERT_TRUE(world.create("ada", 0));
    const auto refused = world.create("bob", 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("truncated"));
    expect_exact(world, "ada", 0, "one");
    EXPECT_EQ(world.model(0).loads, 1U);
    EXPECT_EQ(world.model(0).unloads, 0U);
    EXPECT_EQ(world.model(1).load_failures, 1U);
    EXPECT_THAT(world.model(1).error, HasSubstr("truncated"));
    world.allow(1);
    expect_exact(world, "ada", 0, "two");
    Result<TurnResult> made = world.create("bob", 1);
    for (int i = 0; i < 200 && !made; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        made = world.create("bob", 1);
    }
    EXPECT_TRUE(made);
    EXPECT_EQ(world.model(1).error, "");
}

TEST(Models, OneThatFailsAfterAnotherHasLeftBringsThatBack) {
    ModelsWorld world(for_one());
    ASSERT_TRUE(world.create("ada", 0));
    world.refuse_to_open(1, {ErrorCode::kModelUnusable, "it broke while it was read"});
    const auto refused = world.create("bob", 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_TRUE(world.wait_for(0, ModelState::kLoaded)) << "nobody asks for it, it is back all the same";
    expect_exact(world, "ada", 0, "one");
    EXPECT_EQ(world.model(0).loads, 2U);
}

TEST(Models, OneThatNeverFitsMovesNobody) {
    ModelsWorldOptions options;
    options.memory_bytes = kModelBytes + 1;
    ModelsWorld world(options);
    world.refuse_to_check(1, {ErrorCode::kOutOfMemory, "needs more than there is"});
    ASSERT_TRUE(world.create("ada", 0));
    const auto refused = world.create("bob", 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(world.model(0).unloads, 0U);
}

TEST(Models, NobodyLeavesWhoCannotBeSaved) {
    ModelsWorld world(for_one());
    ASSERT_TRUE(world.create("ada", 0));
    world.disk().refuse_writes = Error{ErrorCode::kIo, "the disk does not write"};
    const auto turn = world.say("ada", "one");
    ASSERT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(turn->text, world.expected("ada", 0, "one"));
    const auto refused = world.create("bob", 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("not saved"));
    EXPECT_EQ(world.model(0).state, ModelState::kLoaded);
    const auto next = world.say("ada", "two");
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_EQ(next->text, world.expected("ada", 0, "two"));
    EXPECT_EQ(next->metrics.source, ReuseSource::kResident) << "its KV has never left";
}

TEST(Models, OneThatNobodyUsesLeaves) {
    ModelsWorldOptions options;
    options.idle_ms = 100;
    ModelsWorld world(options);
    ASSERT_TRUE(world.create("ada", 0));
    expect_exact(world, "ada", 0, "one");
    ASSERT_TRUE(world.wait_for(0, ModelState::kUnloaded));
    EXPECT_EQ(world.living, 0);
    const auto turn = world.say("ada", "two");
    ASSERT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(turn->text, world.expected("ada", 0, "two"));
    EXPECT_EQ(turn->metrics.source, ReuseSource::kDisk);
}

TEST(Models, WhenMemoryIsAskedBackAllButTheLastUsedLeave) {
    ModelsWorldOptions options;
    options.families = {"plain", "windowed", "hybrid"};
    ModelsWorld world(options);
    ASSERT_TRUE(world.create("ada", 0));
    ASSERT_TRUE(world.create("bob", 1));
    ASSERT_TRUE(world.create("eve", 2));
    ASSERT_TRUE(world.scheduler().run([](AgentMemory& memory) { EXPECT_TRUE(memory.rest()); }));
    EXPECT_TRUE(world.wait_for(0, ModelState::kUnloaded));
    EXPECT_TRUE(world.wait_for(1, ModelState::kUnloaded));
    EXPECT_EQ(world.model(2).state, ModelState::kLoaded);
    for (const auto& [agent, model] : {std::pair{"ada", 0}, std::pair{"bob", 1}, std::pair{"eve", 2}}) {
        const auto turn = world.say(agent, "still there?");
        ASSERT_TRUE(turn) << turn.error().message;
        EXPECT_EQ(turn->metrics.source, ReuseSource::kDisk) << agent;
    }
}

TEST(Models, OneNameHasATwinForEveryOtherModel) {
    ModelsWorld world;
    const auto first = world.submit(sent_as("session", "hello"), kFirst)->wait();
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->metrics.agent, "session");
    const auto second = world.submit(sent_as("session", "hello"), kSecond)->wait();
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_THAT(second->metrics.agent, testing::MatchesRegex("session\\.[0-9a-f]{8}"));
    EXPECT_EQ(world.show(second->metrics.agent).parent, "session");
    const auto again = world.submit(sent_as("session", "hello"), kSecond)->wait();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->metrics.agent, second->metrics.agent);
    EXPECT_GT(again->metrics.reused_tokens, 0U);
    // Without a twin it is refused, and nothing is touched.
    TurnRequest strict = sent_as("session", "hello");
    strict.other_model = OtherModel::kRefuse;
    const auto refused = world.submit(strict, kSecond)->wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kModelUnusable);
}

TEST(Models, WhoIsUnknownIsToldAtOnce) {
    ModelsWorld world;
    const auto refused = world.submit(message_to("nobody", "hello"), std::nullopt)->wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
}

// Which model an agent belongs to is known to the store by what the model is, not by where it lay.
TEST(Models, AnAgentFindsItsModelAfterARestart) {
    ModelsWorld world(for_one());
    ASSERT_TRUE(world.create("bob", 1));
    expect_exact(world, "bob", 1, "one");
    world.restart();
    expect_exact(world, "bob", 1, "two");
}

TEST(Models, WhatNeedsAModelWaitsForIt) {
    ModelsWorld world(for_one());
    ASSERT_TRUE(world.create("bob", 1));
    expect_exact(world, "bob", 1, "one");
    ASSERT_TRUE(world.create("ada", 0));
    std::promise<Result<VerifyReport>> told;
    ASSERT_TRUE(world.scheduler().run_on({std::nullopt, "bob"}, [&](Result<ModelUse> use) {
        told.set_value(use ? use->memory->verify("bob") : fail(use.error()));
    }));
    const auto report = told.get_future().get();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->good);
}

TEST(Models, OneThatIsWorkedOnStaysUntilThatIsOver) {
    ModelsWorld world(for_one());
    ASSERT_TRUE(world.create("ada", 0));
    std::promise<ModelUse> told;
    ASSERT_TRUE(world.scheduler().run_on({std::nullopt, "ada"}, [&](Result<ModelUse> use) {
        told.set_value(use ? std::move(*use) : ModelUse{});
    }));
    ModelUse use = told.get_future().get();
    ASSERT_NE(use.memory, nullptr);
    const auto waiting = world.submit(sent_as("bob", "hello"), kSecond);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_FALSE(waiting->over());
    EXPECT_EQ(world.model(0).unloads, 0U);
    use = {};
    const auto turn = waiting->wait();
    EXPECT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(world.model(0).unloads, 1U);
}

TEST(Models, WhoWaitsForAModelCanGoAway) {
    ModelsWorldOptions options = for_one();
    options.stay_ms = 60'000;
    ModelsWorld world(options);
    ASSERT_TRUE(world.create("ada", 0));
    std::shared_ptr<TurnTicket> ticket;
    const auto waiting = world.submit(sent_as("bob", "hello"), kSecond, &ticket);
    ASSERT_TRUE(ticket);
    ticket->cancel();
    const auto cancelled = waiting->wait();
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
    expect_exact(world, "ada", 0, "one");
    EXPECT_EQ(world.model(0).unloads, 0U);
}

TEST(Models, WaitingHasAnEnd) {
    ModelsWorldOptions options = for_one();
    options.stay_ms = 60'000;
    options.wait_ms_max = 300;
    ModelsWorld world(options);
    ASSERT_TRUE(world.create("ada", 0));
    const auto refused = world.submit(sent_as("bob", "hello"), kSecond)->wait();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    const auto last = world.submit(sent_as("bob", "hello"), kSecond);
    world.scheduler().drain(0);
    const auto ended = last->wait();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace kvasir::test
