// The same request again, under one Idempotency-Key: done once if it was done, done anew if it was cut off.
#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/driving.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

class Retries : public MemoryTest {};
KVASIR_BOTH_MODELS(Retries);

TurnRequest keyed(const std::string& text, History history) {
    TurnRequest request;
    request.agent = "ada";
    request.history = history;
    if (history == History::kSent)
        request.messages.push_back({Role::kSystem, "You are Ada.", {}, {}, {}, {}});
    request.messages.push_back({Role::kUser, text, {}, {}, {}, {}});
    request.reading = AnswerReading::kRaw;
    request.idempotency_key = "k1";
    request.answer_tokens_max = 12;
    return request;
}

// Its client goes away after some tokens.
Result<TurnResult> cut_off(World& world, TurnRequest request) {
    std::atomic<bool> gone{false};
    request.cancelled = &gone;
    TurnSinks sinks;
    int pieces = 0;
    sinks.on_piece = [&](const AnswerPiece&) { gone.store(++pieces >= 3); };
    return drive(world, std::move(request), std::move(sinks));
}

void expect_done_anew(World& world, History history) {
    world.create("ada", "You are Ada.");
    ExactAgents then = world.exact();
    const auto broken = cut_off(world, keyed("once", history));
    ASSERT_TRUE(broken) << broken.error().message;
    ASSERT_EQ(broken->finish_reason, "cancelled");
    world.restart();
    const auto again = drive(world, keyed("once", history));
    ASSERT_TRUE(again) << again.error().message;
    const std::string exact = then.answer(world.engine().fake(), "ada", "once", 12);
    EXPECT_EQ(again->text, exact) << "whole, as if the first attempt had never been";
    EXPECT_EQ(again->turn, 1U);
    const auto third = drive(world, keyed("once", history));
    ASSERT_TRUE(third);
    EXPECT_EQ(third->text, exact);
    EXPECT_EQ(third->metrics.evaluated_tokens, 0U) << "it is done now";
    EXPECT_EQ(world.memory().turns("ada")->size(), 2U) << "the system prompt and one turn";
    EXPECT_TRUE(world.store().catalog().check());
}

TEST_P(Retries, AMessageThatWasCutOffIsSaidOnce) {
    World world(options());
    expect_done_anew(world, History::kStored);
}

TEST_P(Retries, AConversationThatWasCutOffIsAnsweredWhole) {
    World world(options());
    expect_done_anew(world, History::kSent);
}

TEST_P(Retries, WhatWasSaidMeanwhileStays) {
    World world(options());
    world.create("ada", "You are Ada.");
    ASSERT_TRUE(cut_off(world, keyed("once", History::kStored)));
    TurnRequest other = keyed("other", History::kStored);
    other.idempotency_key.clear();
    ASSERT_TRUE(drive(world, other));
    const auto again = drive(world, keyed("once", History::kStored));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->turn, 3U) << "others have gone on from the first attempt";
    EXPECT_EQ(drive(world, keyed("once", History::kStored))->turn, 3U);
}

TEST_P(Retries, AnExpectedTurnIsThatOfTheFirstAttempt) {
    World world(options());
    world.create("ada", "You are Ada.");
    TurnRequest request = keyed("once", History::kStored);
    request.expected_turn = 0;
    ASSERT_TRUE(cut_off(world, request));
    const auto again = drive(world, request);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->turn, 1U);
}

TEST_P(Retries, AKeyIsNotAnotherMessages) {
    World world(options());
    world.create("ada", "You are Ada.");
    ASSERT_TRUE(drive(world, keyed("once", History::kStored)));
    const auto other = drive(world, keyed("something else", History::kStored));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::kConflict);
    EXPECT_THAT(other.error().message, HasSubstr("another message"));
}

}  // namespace
}  // namespace kvasir::test
