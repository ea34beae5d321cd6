// Conversations that clients hold and send whole: matched with what is stored, continued without reading
// again, branched when they differ; and turns with stop strings, keys and expectations.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/sending_client.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

class Branches : public testing::TestWithParam<bool> {
  protected:
    static WorldOptions options() {
        WorldOptions options;
        options.engine = GetParam() ? windowed_engine() : plain_engine();
        return options;
    }
};
INSTANTIATE_TEST_SUITE_P(Fake, Branches, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "windowed" : "plain"; });

TEST_P(Branches, AConversationThatIsSentWholeIsContinuedWhereItWas) {
    World world(options());
    Client client(world, "ada", "You are Ada. " + words(300));
    client.say("first");
    const std::size_t before = client.tokens();
    TurnResult second = client.say("second");
    EXPECT_EQ(second.metrics.reused_tokens, before - 1);
    EXPECT_EQ(second.metrics.source, ReuseSource::kResident);
    world.restart();
    const std::size_t before_restart = client.tokens();
    const TurnResult third = client.say("third");
    EXPECT_EQ(third.metrics.reused_tokens, before_restart - 1);
    EXPECT_EQ(third.metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(third.turn, 3U);
    EXPECT_EQ(world.memory().show("ada")->turn_count, 3U);
}

TEST_P(Branches, WhiteSpaceAroundAReturnedAnswerMakesNoDifferenceButWordsDo) {
    World world(options());
    Client client(world, "ada", "You are Ada.");
    client.say("first");
    client.messages().back().content = "  " + client.messages().back().content + "\n";
    const std::size_t before = client.tokens();
    EXPECT_EQ(client.say("second").metrics.reused_tokens, before - 1);
    // Control: another word, and the answer is another conversation's.
    client.messages()[2].content += "!";
    auto turn = drive(world, client.request("third"));
    ASSERT_TRUE(turn);
    EXPECT_LT(turn->metrics.reused_tokens, before);
}

TEST_P(Branches, AskingAgainMakesASiblingAndTheHeadFollows) {
    World world(options());
    Client client(world, "ada", "You are Ada.");
    client.say("first");
    client.say("second");
    Client other = client;
    other.messages().resize(3);  // system, first, its answer
    auto again = drive(world, other.request("something else"));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->turn, 2U);
    const auto turns = *world.memory().turns("ada");
    ASSERT_EQ(turns.size(), 3U);
    EXPECT_EQ(turns.back().user_text, "something else");
    EXPECT_EQ(turns[1].user_text, "first");
    // The first line is still there, durable, and goes on.
    world.restart();
    const TurnResult third = client.say("third");
    EXPECT_GT(third.metrics.reused_tokens, third.metrics.prompt_tokens / 2);
    EXPECT_EQ(third.turn, 3U);
}

TEST_P(Branches, ASideCallLeavesTheMainLineWhereItIs) {
    World world(options());
    Client client(world, "ada", "You are Ada. " + words(200));
    client.say("first");
    Client title(world, "ada", "Make a title.");
    title.say("first");
    EXPECT_EQ(world.memory().show("ada")->turn_count, 1U);
    EXPECT_EQ(world.memory().turns("ada")->back().user_text, "first");
    EXPECT_EQ(world.memory().turns("ada")->size(), 2U);
    const std::size_t before = client.tokens();
    const TurnResult second = client.say("second");
    EXPECT_EQ(second.metrics.source, ReuseSource::kResident) << "the title did not take its place";
    EXPECT_EQ(second.metrics.reused_tokens, before - 1);
    EXPECT_EQ(world.memory().turns("ada")->back().user_text, "second");
}

TEST_P(Branches, ManyConversationsUnderOneNameDoNotMix) {
    World world(options());
    std::vector<Client> clients;
    for (int i = 0; i < 6; ++i)
        clients.emplace_back(world, "anonymous", "You are number " + std::to_string(i % 3));
    for (int round = 0; round < 4; ++round) {
        for (std::size_t i = 0; i < clients.size(); ++i)
            clients[i].say("round " + std::to_string(round) + " of " + std::to_string(i));
        if (round == 1) world.restart();
    }
}

TEST_P(Branches, ANativeMessageGoesOnWhereASentConversationEnded) {
    World world(options());
    Client client(world, "ada", "You are Ada.");
    client.say("first");
    const std::size_t before = client.tokens();
    const TurnResult turn = world.say_unchecked("ada", "second");
    EXPECT_EQ(turn.metrics.reused_tokens, before - 1);
    EXPECT_EQ(turn.turn, 2U);
}

TEST_P(Branches, AStopStringIsNeverShownAndNotRemembered) {
    World world(options());
    world.create("ada", "You are Ada.");
    TurnRequest request;
    request.agent = "ada";
    request.messages = {said(Role::kUser, "talk")};
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = 12;
    const std::string whole = ExactAgents(world.exact()).answer(world.engine().fake(), "ada", "talk", 12);
    ASSERT_GE(whole.size(), 8U);
    request.stops = {"never said", whole.substr(4, 3)};
    std::string shown;
    TurnSinks sinks;
    sinks.on_piece = [&](const AnswerPiece& piece) { shown += piece.content; };
    auto turn = drive(world, request, sinks);
    ASSERT_TRUE(turn);
    EXPECT_EQ(turn->text, whole.substr(0, whole.find(whole.substr(4, 3))));
    EXPECT_EQ(shown, turn->text);
    EXPECT_EQ(turn->stop_matched, whole.substr(4, 3));
    EXPECT_EQ(turn->finish_reason, "stop");
    // What follows is as if the answer had been just that.
    const auto path = *world.memory().turns("ada");
    std::string remembered;
    for (std::size_t i = path.back().prompt_token_count; i < path.back().tokens.size(); ++i)
        remembered += world.engine().piece(path.back().tokens[i], SpecialTokens::kAsText);
    EXPECT_EQ(remembered, turn->text);
    const TurnResult next = world.say_unchecked("ada", "go on");
    EXPECT_EQ(next.metrics.prompt_tokens, next.metrics.reused_tokens + next.metrics.evaluated_tokens);
}

TEST_P(Branches, AnIdempotencyKeyIsOneTurn) {
    World world(options());
    world.create("ada", "You are Ada.");
    TurnRequest request;
    request.agent = "ada";
    request.messages = {said(Role::kUser, "once")};
    request.reading = AnswerReading::kRaw;
    request.idempotency_key = "k1";
    const auto first = drive(world, request);
    ASSERT_TRUE(first);
    world.restart();
    std::string shown;
    TurnSinks sinks;
    sinks.on_piece = [&](const AnswerPiece& piece) { shown += piece.content; };
    const auto again = drive(world, request, sinks);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->text, first->text);
    EXPECT_EQ(shown, first->text);
    EXPECT_EQ(again->metrics.evaluated_tokens, 0U);
    EXPECT_EQ(world.memory().show("ada")->turn_count, 1U);
    request.idempotency_key = "k2";
    ASSERT_TRUE(drive(world, request));
    EXPECT_EQ(world.memory().show("ada")->turn_count, 2U) << "another key is another turn";
}

TEST_P(Branches, AnExpectedTurnThatHasPassedIsAConflict) {
    World world(options());
    world.create("ada", "You are Ada.");
    TurnRequest request;
    request.agent = "ada";
    request.messages = {said(Role::kUser, "once")};
    request.expected_turn = 0;
    ASSERT_TRUE(drive(world, request));
    const auto late = drive(world, request);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::kConflict);
    EXPECT_THAT(late.error().message, HasSubstr("at turn 1"));
    EXPECT_EQ(world.memory().show("ada")->turn_count, 1U);
}

TEST_P(Branches, LogProbabilitiesComeWithEveryToken) {
    World world(options());
    world.create("ada", "You are Ada.");
    TurnRequest request;
    request.agent = "ada";
    request.messages = {said(Role::kUser, "talk")};
    request.reading = AnswerReading::kRaw;
    request.answer_tokens_max = 6;
    request.top_logprobs = 3;
    std::vector<TokenLogprob> logprobs;
    std::string shown;
    TurnSinks sinks;
    sinks.on_piece = [&](const AnswerPiece& piece) {
        shown += piece.content;
        logprobs.insert(logprobs.end(), piece.logprobs.begin(), piece.logprobs.end());
    };
    const auto turn = drive(world, request, sinks);
    ASSERT_TRUE(turn);
    const std::size_t ended = turn->finish_reason == "stop" ? 1 : 0;
    ASSERT_EQ(logprobs.size(), turn->metrics.answer_tokens - ended);
    std::string text;
    for (const TokenLogprob& logprob : logprobs) {
        text += logprob.text;
        ASSERT_EQ(logprob.top.size(), 3U);
        EXPECT_LE(logprob.logprob, 0.0F);
        EXPECT_EQ(logprob.top.front().second, logprob.logprob) << "greedy takes the likeliest";
        EXPECT_GE(logprob.top[0].second, logprob.top[1].second);
    }
    EXPECT_EQ(text, turn->text);
}

TEST_P(Branches, CountedTokensAreThoseOfTheTurn) {
    World world(options());
    Client client(world, "ada", "You are Ada.");
    const TurnRequest before = client.request("first");
    const auto counted = world.memory().count_tokens(before);
    ASSERT_TRUE(counted);
    auto turn = drive(world, before);
    ASSERT_TRUE(turn);
    EXPECT_EQ(*counted, turn->metrics.prompt_tokens);
    client.messages().push_back(said(Role::kAssistant, turn->text));
    const TurnRequest after = client.request("second");
    const auto counted_again = world.memory().count_tokens(after);
    ASSERT_TRUE(counted_again);
    turn = drive(world, after);
    ASSERT_TRUE(turn);
    EXPECT_EQ(*counted_again, turn->metrics.prompt_tokens);
}

TEST_P(Branches, TwoTurnsOfOneAgentAtOnceBecomeTwoBranches) {
    World world(options());
    Client client(world, "ada", "You are Ada.");
    client.say("first");
    Client twin = client;
    auto one = world.memory().begin_turn(client.request("this"), {});
    auto two = world.memory().begin_turn(twin.request("that"), {});
    ASSERT_TRUE(one);
    ASSERT_TRUE(two);
    EXPECT_TRUE(world.memory().is_busy("ada"));
    EXPECT_EQ(world.memory().evict("ada").error().code, ErrorCode::kConflict);
    EXPECT_EQ(world.memory().remove("ada").error().code, ErrorCode::kConflict);
    (*one)->restore();
    (*two)->restore();
    std::vector<BatchRow> rows;
    const auto runs = [](const TurnRun& run) {
        return run.stage() == TurnStage::kPrefill || run.stage() == TurnStage::kDecode;
    };
    while (runs(**one) || runs(**two)) {
        rows.clear();
        const std::size_t first = runs(**one) ? (*one)->add_rows(rows, 30) : 0;
        const std::size_t second = runs(**two) ? (*two)->add_rows(rows, 30) : 0;
        ASSERT_TRUE(world.memory().evaluate(rows));
        if (first > 0) (*one)->evaluated(0);
        if (second > 0) (*two)->evaluated(first);
    }
    (*one)->save();
    (*two)->save();
    ASSERT_TRUE((*one)->result());
    ASSERT_TRUE((*two)->result());
    // Both go on as what they are.
    client.messages().push_back(said(Role::kAssistant, (*one)->result()->text));
    twin.messages().push_back(said(Role::kAssistant, (*two)->result()->text));
    EXPECT_EQ(drive(world, client.request("more"))->turn, 3U);
    EXPECT_EQ(drive(world, twin.request("more"))->turn, 3U);
}

}  // namespace
}  // namespace kvasir::test
