// Agents that are created, speak, leave, come back: every answer is the exact model's.
#include <random>
#include <string>

#include "memory/world.h"

namespace kvasir::test {
namespace {

class Conversations : public MemoryTest {};
KVASIR_BOTH_MODELS(Conversations);

TEST_P(Conversations, CreateReadsTheSystemPrefixAndGeneratesNothing) {
    World world(options());
    const CreateResult created = world.create("ada", "You are Ada.");
    const std::string prefix = "\x01system\nYou are Ada.\x01\n\x01user\n";  // special tokens count as one
    EXPECT_EQ(created.agent.token_count, prefix.size());
    EXPECT_EQ(created.agent.cache_tokens, prefix.size());
    EXPECT_EQ(created.evaluated_tokens, prefix.size());
    EXPECT_EQ(world.engine().counters().total(), prefix.size());
    EXPECT_EQ(created.agent.state, AgentState::kReady);
    EXPECT_EQ(created.save.durability, Durability::kTokensAndKv);
    EXPECT_EQ(created.agent.turn_count, 0U);
}

TEST_P(Conversations, TurnsAreExactAndReadOnlyWhatIsNew) {
    World world(options());
    world.create("ada", "You are Ada.");
    Position tokens = world.memory().show("ada")->token_count;
    for (int i = 0; i < 8; ++i) {
        const std::string text = "Message number " + std::to_string(i);
        const TurnResult turn = world.say("ada", text, 20);
        EXPECT_EQ(turn.durability, Durability::kTokensAndKv);
        EXPECT_EQ(turn.warning, "");
        EXPECT_EQ(turn.metrics.source, ReuseSource::kResident);
        EXPECT_EQ(turn.metrics.reused_tokens, i == 0 ? tokens : tokens - 1);
        EXPECT_EQ(turn.metrics.not_reused_reason, "");
        EXPECT_LE(turn.metrics.evaluated_tokens, text.size() + 26);
        tokens = world.memory().show("ada")->token_count;
        EXPECT_EQ(tokens, world.exact().tokens("ada").size());
    }
    EXPECT_EQ(world.memory().turns("ada")->size(), 9U);
    EXPECT_EQ(*world.store().catalog().tokens(world.store().catalog().agent("ada")->id),
              world.exact().tokens("ada"));
}

TEST_P(Conversations, AfterARestartOnlyNewTokensAreEvaluated) {
    World world(options());
    world.create("ada", words(300));
    world.say("ada", words(100));
    for (int i = 0; i < 4; ++i) {
        const Position before = world.memory().show("ada")->token_count;
        world.restart();
        const TurnResult turn = world.say("ada", "And now " + std::to_string(i));
        EXPECT_EQ(turn.metrics.source, ReuseSource::kDisk);
        EXPECT_EQ(turn.metrics.reused_tokens, before - 1);
        EXPECT_EQ(turn.metrics.not_reused_reason, "");
        EXPECT_EQ(world.engine().counters().total(), turn.metrics.evaluated_by_engine);
        EXPECT_LE(turn.metrics.evaluated_tokens, 40U);
    }
}

TEST_P(Conversations, ManyAgentsOnThreePlaces) {
    constexpr std::uint32_t kAgents = 200;
    World world(options());
    std::mt19937 random(7);
    const auto name = [](std::uint32_t i) { return "agent-" + std::to_string(i); };
    for (std::uint32_t i = 0; i < kAgents; ++i)
        world.create(name(i), "You are number " + std::to_string(i % 7) + ".");
    std::uint64_t restored = 0;
    for (std::uint32_t i = 0; i < 240; ++i) {
        if (i % 60 == 59) world.restart();
        const auto chosen = static_cast<std::uint32_t>(random()) % kAgents;
        const auto bytes = static_cast<std::uint32_t>(random()) % 120;
        const TurnResult turn =
            world.say(name(chosen), words(bytes, static_cast<char>('a' + i % 20)), 1 + i % 14);
        EXPECT_EQ(turn.warning, "");
        EXPECT_EQ(turn.metrics.not_reused_reason, "");
        EXPECT_LE(world.memory().resident().size(), 3U);
        if (turn.metrics.source == ReuseSource::kDisk) restored += turn.metrics.reused_tokens;
    }
    EXPECT_GT(restored, 5000U);
    EXPECT_TRUE(world.store().catalog().check());
}

TEST_P(Conversations, LoadAndEvictChangeNoAnswer) {
    World world(options());
    world.create("ada", words(280));
    world.say("ada", "first");
    ASSERT_TRUE(world.memory().evict("ada"));
    EXPECT_TRUE(world.memory().resident().empty());
    EXPECT_EQ(world.engine().cells().append_used, 0U);
    EXPECT_EQ(world.memory().show("ada")->state, AgentState::kStored);
    const std::uint64_t before = world.engine().counters().total();
    const auto loaded = world.memory().load("ada");
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->restored_tokens, world.memory().show("ada")->token_count - 1);
    EXPECT_EQ(loaded->evaluated_tokens, 0U);
    EXPECT_EQ(loaded->warning, "");
    EXPECT_EQ(world.engine().counters().total(), before);
    EXPECT_EQ(world.memory().show("ada")->state, AgentState::kReady);
    const auto saved = world.memory().save("ada");
    ASSERT_TRUE(saved);
    EXPECT_EQ(saved->append_rows_written, 0U);
    EXPECT_EQ(world.say("ada", "second").metrics.source, ReuseSource::kResident);
}

TEST_P(Conversations, TheSamePromptAgainReusesAllButOneToken) {
    World world(options());
    world.create("ada", words(290));
    const TurnResult first = world.say("ada", words(90));
    ASSERT_TRUE(world.memory().evict("ada"));  // else what is resident is copied
    world.create("eve", words(290));
    const TurnResult again = world.say("eve", words(90));
    EXPECT_EQ(again.text, first.text);
    EXPECT_EQ(again.metrics.source, ReuseSource::kDisk);
    EXPECT_EQ(again.metrics.evaluated_tokens, 1U);
}

TEST_P(Conversations, APromptThatDivergesInTheMiddleReusesWhatIsCommon) {
    World world(options());
    world.create("ada", words(290));
    world.say("ada", words(300) + "one");
    world.create("eve", words(290));
    const TurnResult other = world.say("eve", words(300) + "two");
    if (windowed()) {
        EXPECT_EQ(other.metrics.reused_tokens, world.memory().turns("eve")->front().tokens.size());
    } else {
        EXPECT_EQ(other.metrics.evaluated_tokens, std::string("two\x01\n\x01"
                                                              "assistant\n")
                                                      .size());
    }
}

TEST_P(Conversations, ATemplateThatDropsAnswersStaysCorrect) {
    WorldOptions dropping = options();
    dropping.engine.chat_template = FakeTemplate::kDropsAnswers;
    World world(dropping);
    world.create("ada", words(40));
    world.say_unchecked("ada", "one");
    for (int i = 0; i < 4; ++i) {
        if (i == 2) world.restart();
        const TurnResult turn = world.say_unchecked("ada", "more " + std::to_string(i));
        EXPECT_EQ(turn.metrics.not_reused_reason, "prefix_changed");
        EXPECT_GT(turn.metrics.reused_tokens, 0U);
        const auto turns = *world.memory().turns("ada");
        const auto tokens = *world.store().catalog().tokens(world.store().catalog().agent("ada")->id);
        const auto answer_tokens = turns.back().tokens.size() - turns.back().prompt_token_count;
        const std::span<const Token> prompt = std::span(tokens).first(tokens.size() - answer_tokens);
        std::string expected;
        for (const Token token : exact_answer(world.engine().fake(), prompt, 12)) {
            expected += world.engine().piece(token, SpecialTokens::kAsText);
        }
        EXPECT_EQ(turn.text, expected);
    }
}

TEST_P(Conversations, ADatedTemplateKeepsItsPrefixOverRestarts) {
    WorldOptions dated = options();
    dated.engine.chat_template = FakeTemplate::kDated;
    dated.engine.start = SequenceStart::kYes;
    World world(dated);
    world.create("ada", words(50));
    for (int i = 0; i < 3; ++i) {
        world.restart();
        const TurnResult turn = world.say_unchecked("ada", "again");
        EXPECT_EQ(turn.metrics.not_reused_reason, "");
    }
}

TEST_P(Conversations, AnEmptySystemPromptWorks) {
    World world(options());
    world.create("ada", "");
    world.say("ada", "hello");
    world.restart();
    EXPECT_EQ(world.say("ada", "hello again").metrics.source, ReuseSource::kDisk);
}

TEST_P(Conversations, SampledAnswersAreTheSameAfterARestart) {
    MessageOptions sampled;
    sampled.sampling.temperature = 0.8F;
    sampled.sampling.seed = 11;
    std::string texts[2];
    for (int restarted = 0; restarted < 2; ++restarted) {
        World world(options());
        world.create("ada", words(300));
        for (int i = 0; i < 4; ++i) {
            if (restarted == 1) world.restart();
            const auto turn = world.memory().message("ada", "say something", sampled);
            ASSERT_TRUE(turn) << turn.error().message;
            texts[restarted] += turn->text + "|";
        }
    }
    EXPECT_EQ(texts[0], texts[1]);
}

}  // namespace
}  // namespace kvasir::test
