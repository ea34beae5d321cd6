// What is refused, and that nothing is lost by it.
#include <atomic>
#include <string>

#include "memory/world.h"

namespace kvasir::test {
namespace {

class Refusals : public MemoryTest {};
KVASIR_BOTH_MODELS(Refusals);

ErrorCode code_of(const Result<CreateResult>& result) {
    return result ? ErrorCode::kCancelled : result.error().code;
}

TEST_P(Refusals, BadArgumentsAreNamed) {
    World world(options());
    AgentMemory& memory = world.memory();
    EXPECT_EQ(code_of(memory.create("", "t", "s")), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of(memory.create("../x", "t", "s")), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of(memory.create(std::string(65, 'a'), "t", "s")), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of(memory.create("ada", std::string(257, 't'), "s")), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of(memory.create("ada", "t", std::string("a\0b", 3))), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of(memory.create("ada", "t", "\xFF")), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of(memory.create("ada", "t", std::string(kMessageBytesMax + 1, 'a'))),
              ErrorCode::kInvalidArgument);
    EXPECT_TRUE(memory.list()->empty());
    world.create("ada", "s");
    EXPECT_EQ(code_of(memory.create("ada", "t", "s")), ErrorCode::kConflict);
    EXPECT_EQ(memory.message("ada", "\xC3", {}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(memory.message("bob", "hello", {}).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(memory.load("bob").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(memory.remove("bob").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(memory.evict("bob").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(memory.save("bob").error().code, ErrorCode::kNotFound);
    world.say("ada", "hello");
}

TEST_P(Refusals, TheNumberOfPlacesIsChecked) {
    World world(options());
    StepClock clock;
    EXPECT_FALSE(AgentMemory::open({0, {}}, world.engine(), world.store(), clock));
    EXPECT_FALSE(AgentMemory::open({kAgentsResidentMax + 1, {}}, world.engine(), world.store(), clock));
}

TEST_P(Refusals, APromptBeyondTheContextChangesNothing) {
    WorldOptions small = options();
    small.engine.context_tokens = 256;
    World world(small);
    world.create("ada", "s");
    world.say("ada", "hello");
    const auto tokens = world.memory().show("ada")->token_count;
    const auto refused = world.memory().message("ada", words(300), {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kContextFull);
    EXPECT_NE(refused.error().message.find("maximum context length is 256 tokens"), std::string::npos);
    EXPECT_EQ(world.memory().show("ada")->token_count, tokens);
    EXPECT_EQ(code_of(world.memory().create("big", "t", words(300))), ErrorCode::kContextFull);
    EXPECT_EQ(world.memory().show("big").error().code, ErrorCode::kNotFound);
    // An answer ends where the context does.
    const TurnResult turn = world.say_unchecked("ada", "go on", 10'000);
    EXPECT_LE(world.memory().show("ada")->token_count, 256U);
    EXPECT_TRUE(turn.finish_reason == "length" || turn.finish_reason == "stop");
}

TEST_P(Refusals, TheLastTokenOfTheContextCanBeUsed) {
    WorldOptions small = options();
    small.engine.context_tokens = 256;
    World world(small);
    world.create("ada", "s");
    const auto prefix = world.memory().show("ada")->token_count;
    const auto framing = static_cast<std::uint32_t>(std::string("\x01\n\x01"
                                                                "assistant\n")
                                                        .size());
    const std::string text = words(255 - prefix - framing);
    const TurnResult turn = world.say_unchecked("ada", text, 50);
    EXPECT_EQ(turn.text, world.exact().answer(world.engine().fake(), "ada", text, 1));
    EXPECT_EQ(turn.metrics.prompt_tokens, 255U);
    EXPECT_EQ(turn.metrics.answer_tokens, 1U);
    EXPECT_EQ(world.memory().message("ada", "", {}).error().code, ErrorCode::kContextFull);
    world.restart();
    EXPECT_TRUE(world.memory().load("ada"));
}

TEST_P(Refusals, AnotherModelIsRefusedAndTheAgentStays) {
    World world(options());
    world.create("ada", "You are Ada.");
    world.say("ada", "hello");
    FakeEngineOptions other = engine_options();
    other.weights = "other-weights";
    other.name = "other";
    world.restart(other);
    for (const Error& error :
         {world.memory().message("ada", "hello", {}).error(), world.memory().load("ada").error()}) {
        EXPECT_EQ(error.code, ErrorCode::kModelUnusable);
        EXPECT_NE(error.message.find(engine_options().name), std::string::npos);
        EXPECT_NE(error.message.find("/models/"), std::string::npos);
    }
    EXPECT_EQ(world.memory().list()->size(), 1U);
    EXPECT_EQ(world.memory().resident().size(), 0U);
    world.restart(engine_options());
    EXPECT_EQ(world.say("ada", "and again").metrics.source, ReuseSource::kDisk);
}

TEST_P(Refusals, KvOfOtherSettingsIsReadAgainAndSaidSo) {
    World world(options());
    world.create("ada", words(300));
    world.say("ada", "hello");
    FakeEngineOptions other = engine_options();
    other.kv_type = "f32";
    world.restart(other);
    const TurnResult turn = world.say("ada", "and again");
    EXPECT_EQ(turn.metrics.reused_tokens, 0U);
    EXPECT_EQ(turn.metrics.not_reused_reason, "fingerprint_changed");
    EXPECT_NE(turn.warning.find("kv_type_k: f16 -> f32"), std::string::npos) << turn.warning;
    EXPECT_EQ(turn.durability, Durability::kTokensAndKv);
    world.restart(other);
    EXPECT_EQ(world.say("ada", "third").metrics.not_reused_reason, "");
}

TEST_P(Refusals, ACancelledPromptLeavesTheAgentAsItWas) {
    World world(options());
    world.create("ada", words(100));
    world.say("ada", "hello");
    std::atomic<bool> cancelled{false};
    MessageOptions message;
    message.cancelled = &cancelled;
    message.on_progress = [&](TurnPhase phase, Position, Position) {
        cancelled = phase == TurnPhase::kPrefill;
    };
    const auto turn = world.memory().message("ada", words(300), message);
    ASSERT_FALSE(turn);
    EXPECT_EQ(turn.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(world.memory().turns("ada")->size(), 2U);
    const TurnResult next = world.say("ada", "what?");
    EXPECT_EQ(next.metrics.not_reused_reason, "");
}

TEST_P(Refusals, ACancelledAnswerIsKeptAsFarAsItCame) {
    World world(options());
    world.create("ada", words(100));
    std::atomic<bool> cancelled{false};
    MessageOptions message;
    message.cancelled = &cancelled;
    std::string heard;
    message.on_text = [&](std::string_view text) {
        heard += text;
        cancelled = heard.size() >= 2;
    };
    const auto turn = world.memory().message("ada", "hello you", message);
    ASSERT_TRUE(turn);
    EXPECT_EQ(turn->text, heard);
    EXPECT_TRUE(turn->finish_reason == "cancelled" || turn->finish_reason == "stop");
    EXPECT_EQ(world.exact().answer(world.engine().fake(), "ada", "hello you", turn->metrics.answer_tokens),
              heard);
    world.restart();
    world.say("ada", "go on");
}

// A message of three batches whose answer has at least two tokens, so that generation decodes.
std::string message_with_an_answer(World& world, const std::string& agent) {
    for (std::uint32_t bytes = 150;; ++bytes) {
        ExactAgents probe = world.exact();
        if (probe.answer(world.engine().fake(), agent, words(bytes), 2).size() == 2) return words(bytes);
    }
}

TEST_P(Refusals, AFailedDecodeLeavesTheAgentAsItWas) {
    World world(options());
    world.create("ada", words(100));
    world.say("ada", "hello");
    for (std::uint32_t good : {0U, 1U, 2U, 3U}) {
        world.engine().fail_decode(good, 1, {ErrorCode::kIo, "the engine failed"});
        MessageOptions message;
        const auto turn = world.memory().message("ada", message_with_an_answer(world, "ada"), message);
        if (!turn) {
            EXPECT_EQ(turn.error().code, ErrorCode::kIo);
            EXPECT_EQ(world.memory().show("ada")->token_count, world.exact().tokens("ada").size());
        } else {
            ADD_FAILURE() << "decode " << good << " did not fail";
        }
        world.say("ada", "and now");
    }
    world.engine().fail_decode(0, 1, {ErrorCode::kIo, "the engine failed"});
    EXPECT_FALSE(world.memory().create("eve", "t", words(90)));
    EXPECT_EQ(world.memory().show("eve").error().code, ErrorCode::kNotFound);
    world.create("eve", words(90));
    world.say("eve", "hello");
}

TEST_P(Refusals, WhenCellsRunOutIdleAgentsLeave) {
    WorldOptions tight = options();
    tight.engine.append_cells = 700;
    World world(tight);
    world.create("ada", words(200, 'a'));
    world.create("eve", words(200, 'e'));
    world.create("bob", words(200, 'b'));
    EXPECT_LE(world.memory().resident().size(), 3U);
    world.say("ada", words(300));
    EXPECT_EQ(world.memory().resident().back(), "ada");
    EXPECT_LT(world.memory().resident().size(), 3U);
    world.say("eve", words(300));
    world.say("bob", "short");
    world.say("ada", "back");
    const auto refused = world.memory().message("ada", words(600), {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
    world.say("ada", "still there");
}

}  // namespace
}  // namespace kvasir::test
