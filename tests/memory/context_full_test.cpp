// A conversation that outgrows the context: refused in words that clients know, or, when the agent is set so,
// without its oldest turns, which is told and never silent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "memory/sending_client.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Position kContext = 1024;

class FullContexts : public MemoryTest {
  protected:
    FullContexts() {
        WorldOptions small = options();
        small.engine.context_tokens = kContext;
        world_ = std::make_unique<World>(small);
        world_->memory().create("ada", "", "You are Ada. " + words(100, 's'));
    }
    static std::string text(int number) { return "number " + std::to_string(number) + " " + words(120); }
    Result<TurnResult> say(int number) {
        MessageOptions options;
        options.answer_tokens_max = 12;
        return world_->memory().message("ada", text(number), options);
    }
    // What the model was given, as it reads it.
    std::string prompt_of_last_turn() {
        Catalog& catalog = world_->store().catalog();
        const auto turns = *world_->memory().turns("ada");
        const auto tokens = *catalog.tokens(catalog.agent("ada")->id);
        const std::size_t answer = turns.back().tokens.size() - turns.back().prompt_token_count;
        std::string read;
        for (std::size_t i = 0; i + answer < tokens.size(); ++i)
            read += world_->engine().piece(tokens[i], SpecialTokens::kAsText);
        return read;
    }

    std::unique_ptr<World> world_;
};
KVASIR_BOTH_MODELS(FullContexts);

TEST_P(FullContexts, AreRefusedUnlessTheAgentIsSetOtherwise) {
    Result<TurnResult> turn = say(0);
    int number = 1;
    for (; turn && number < 20; ++number) {
        EXPECT_EQ(turn->metrics.turns_dropped, 0U);
        turn = say(number);
    }
    ASSERT_FALSE(turn);
    EXPECT_EQ(turn.error().code, ErrorCode::kContextFull);
    EXPECT_THAT(turn.error().message, HasSubstr("maximum context length"));
    const std::uint32_t before = world_->memory().show("ada")->turn_count;
    const auto set = world_->memory().set_when_full("ada", WhenFull::kDropOldestTurns);
    ASSERT_TRUE(set);
    EXPECT_EQ(set->when_full, WhenFull::kDropOldestTurns);
    turn = say(number);
    ASSERT_TRUE(turn) << turn.error().message;
    EXPECT_EQ(turn->turn, before + 1);
}

TEST_P(FullContexts, LoseTheOldestTurnsAndKeepTheSystemPrompt) {
    ASSERT_TRUE(world_->memory().set_when_full("ada", WhenFull::kDropOldestTurns));
    std::uint32_t dropped = 0;
    for (int number = 0; number < 30; ++number) {
        if (number == 17) world_->restart();
        const auto turn = say(number);
        ASSERT_TRUE(turn) << turn.error().message;
        EXPECT_LE(turn->metrics.prompt_tokens + turn->metrics.answer_tokens, kContext);
        const std::string read = prompt_of_last_turn();
        EXPECT_THAT(read, HasSubstr("You are Ada. " + words(100, 's')));
        EXPECT_THAT(read, HasSubstr(text(number)));
        if (turn->metrics.turns_dropped == 0) {
            EXPECT_EQ(turn->warning, "");
            continue;
        }
        ++dropped;
        EXPECT_EQ(turn->metrics.not_reused_reason, "oldest_turns_dropped");
        EXPECT_THAT(turn->warning, HasSubstr("oldest turn(s) were left out"));
        EXPECT_THAT(read, Not(HasSubstr(text(0))));
        EXPECT_THAT(read, HasSubstr(text(number - 1)));
        EXPECT_GT(turn->metrics.reused_tokens, 100U) << "the system prompt is not read again";
        EXPECT_LE(turn->metrics.prompt_tokens, kContext - kContext / 4);
    }
    EXPECT_GT(dropped, 2U);
    EXPECT_LT(dropped, 15U) << "not with every turn";
    EXPECT_EQ(world_->memory().turns("ada")->size(), 31U) << "nothing is lost of the store";
    EXPECT_TRUE(world_->store().catalog().check());
}

TEST_P(FullContexts, AMessageThatIsTooLongAloneIsRefusedInAnyCase) {
    ASSERT_TRUE(world_->memory().set_when_full("ada", WhenFull::kDropOldestTurns));
    ASSERT_TRUE(say(0));
    const auto turn = world_->memory().message("ada", words(kContext + 100), {});
    ASSERT_FALSE(turn);
    EXPECT_EQ(turn.error().code, ErrorCode::kContextFull);
    EXPECT_TRUE(say(1));
}

TEST_P(FullContexts, ARequestMayAskForItAndAHistoryThatIsSentGoesOn) {
    std::vector<ChatMessage> messages{said(Role::kSystem, "You are Eve.")};
    std::uint32_t dropped = 0;
    for (int number = 0; number < 12; ++number) {
        messages.push_back(said(Role::kUser, text(number)));
        TurnRequest request;
        request.agent = "eve";
        request.create_missing = CreateMissing::kYes;
        request.history = History::kSent;
        request.messages = messages;
        request.reading = AnswerReading::kRaw;
        request.answer_tokens_max = 12;
        request.when_full = WhenFull::kDropOldestTurns;
        const auto turn = drive(*world_, request);
        ASSERT_TRUE(turn) << turn.error().message;
        if (turn->metrics.turns_dropped > 0) ++dropped;
        if (turn->metrics.turns_dropped == 0 && number > 0) {
            EXPECT_LT(turn->metrics.evaluated_tokens, 220U) << number;
        }
        messages.push_back(said(Role::kAssistant, turn->text));
    }
    EXPECT_GT(dropped, 0U);
    EXPECT_LT(dropped, 6U);
}

}  // namespace
}  // namespace kvasir::test
