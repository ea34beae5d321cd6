// What a constraint, a penalty and a bias do to sampling on the real engine.
#include <cmath>
#include <iostream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/answering.h"
#include "engine/chat_templates.h"
#include "engine/json_schemas.h"
#include "support/fake_engine.h"

namespace kvasir::test {
namespace {

AnswerConstraint following(const json::object& schema) {
    AnswerConstraint constraint;
    constraint.json_schema = json::serialize(schema);
    return constraint;
}

SamplingOptions drawn(std::uint32_t seed, std::shared_ptr<const AnswerFormat> format = nullptr) {
    SamplingOptions options;
    options.temperature = 1.0F;
    options.seed = seed;
    options.format = std::move(format);
    return options;
}

const json::object kSmallSchema = {
    {"type", "object"},
    {"properties",
     {{"n", {{"type", "integer"}, {"minimum", 0}, {"maximum", 99}}}, {"b", {{"type", "boolean"}}}}},
    {"required", {"n", "b"}},
    {"additionalProperties", false}};

// The schema of a tool's parameters that its call must satisfy.
bool is_valid_call(const ToolCall& call, const std::vector<ToolDefinition>& tools) {
    const auto tool = std::find_if(tools.begin(), tools.end(),
                                   [&](const ToolDefinition& known) { return known.name == call.name; });
    return tool != tools.end() && satisfies_text(call.arguments, json::parse(tool->parameters).as_object());
}

enum class Template { kOfDemoModel, kStandIn };

// The demo model, with its own template, which has tools, or without one.
class ConstrainedSampling : public testing::TestWithParam<Template> {
  protected:
    void SetUp() override {
        const bool own = GetParam() == Template::kOfDemoModel;
        engine_ = own ? open_or_throw(exact_options(kDemoModel)) : open_with_template("");
        ASSERT_NE(engine_->model().template_missing, own);
    }

    std::unique_ptr<Engine> engine_;
    const std::vector<ToolDefinition> tools_ = {kWeatherTool, kMailTool};
};

TEST_P(ConstrainedSampling, ARequiredCallIsOneOfAToolWithArgumentsThatFit) {
    const ChatPrompt prompt = asked("What is the weather in Paris?", tools_);
    const auto format =
        plan_or_throw(*engine_, prompt, {ToolChoice::kRequired, "", ParallelToolCalls::kNo, ""});
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        const Answer given = answer(*engine_, prompt, drawn(seed, format), 200);
        ASSERT_TRUE(given.ended) << given.text;
        const auto message = format->parse(given.text, AnswerEnd::kComplete);
        ASSERT_TRUE(message) << given.text;
        ASSERT_EQ(message->tool_calls.size(), 1U) << given.text;
        EXPECT_TRUE(is_valid_call(message->tool_calls[0], tools_)) << given.text;
        EXPECT_EQ(message->content, "");
    }
}

TEST_P(ConstrainedSampling, ANamedToolIsTheOneCalled) {
    const ChatPrompt prompt = asked("What is the weather in Paris?", tools_);
    for (const ToolDefinition& tool : tools_) {
        const auto format =
            plan_or_throw(*engine_, prompt, {ToolChoice::kRequired, tool.name, ParallelToolCalls::kNo, ""});
        for (std::uint32_t seed = 0; seed < 10; ++seed) {
            const Answer given = answer(*engine_, prompt, drawn(seed, format), 200);
            const auto message = format->parse(given.text, AnswerEnd::kComplete);
            ASSERT_TRUE(given.ended && message) << given.text;
            ASSERT_EQ(message->tool_calls.size(), 1U) << given.text;
            EXPECT_EQ(message->tool_calls[0].name, tool.name);
            EXPECT_TRUE(is_valid_call(message->tool_calls[0], tools_)) << given.text;
        }
    }
}

TEST_P(ConstrainedSampling, WithoutAConstraintThereIsNoCall) {
    const ChatPrompt prompt = asked("What is the weather in Paris?", tools_);
    const auto format = plan_or_throw(*engine_, prompt, {ToolChoice::kNone, "", ParallelToolCalls::kYes, ""});
    std::size_t valid = 0;
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        const Answer given = answer(*engine_, prompt, drawn(seed, format), 60);
        const auto message = format->parse(given.text, AnswerEnd::kComplete);
        ASSERT_TRUE(message) << given.text;
        EXPECT_TRUE(message->tool_calls.empty());
        EXPECT_EQ(message->content, given.text);
        valid += satisfies_text(given.text, kSmallSchema) ? 1U : 0U;
    }
    EXPECT_EQ(valid, 0U) << "the check of schemas below would see nothing";
}

TEST_P(ConstrainedSampling, AnEndOfTurnWaitsForTheGrammar) {
    const ChatPrompt prompt = asked("Two values?");
    SamplingOptions options = drawn(1, plan_or_throw(*engine_, prompt, following(kSmallSchema)));
    for (Token token = 0; token < static_cast<Token>(engine_->model().vocabulary_size); ++token)
        if (engine_->is_end_of_turn(token)) options.logit_bias.emplace_back(token, 100.0F);
    for (const float temperature : {0.0F, 1.0F}) {
        options.temperature = temperature;
        const Answer given = answer(*engine_, prompt, options, 200);
        ASSERT_TRUE(given.ended);
        const auto message = options.format->parse(given.text, AnswerEnd::kComplete);
        ASSERT_TRUE(message) << given.text;
        EXPECT_TRUE(satisfies_text(message->content, kSmallSchema)) << given.text;
    }
    options.format = nullptr;
    EXPECT_EQ(answer(*engine_, prompt, options, 200).tokens.size(), 1U) << "the bias alone ends it at once";
}

TEST_P(ConstrainedSampling, WhereNothingFitsTheAnswerEnds) {
    const ChatPrompt prompt = asked("Two values?");
    SamplingOptions options = drawn(1, plan_or_throw(*engine_, prompt, following(kSmallSchema)));
    const float never = -std::numeric_limits<float>::infinity();
    for (Token token = 0; token < static_cast<Token>(engine_->model().vocabulary_size); ++token)
        if (engine_->piece(token, SpecialTokens::kAsText).find('n') != std::string::npos)
            options.logit_bias.emplace_back(token, never);
    const Answer given = answer(*engine_, prompt, options, 200);
    EXPECT_TRUE(given.ended);
    EXPECT_FALSE(options.format->parse(given.text, AnswerEnd::kComplete)) << given.text;
}

TEST_P(ConstrainedSampling, TheSameSeedGivesTheSameTokens) {
    const ChatPrompt prompt = asked("Two values?");
    const auto format = plan_or_throw(*engine_, prompt, following(kSmallSchema));
    std::set<std::vector<Token>> different;
    for (std::uint32_t seed = 0; seed < 10; ++seed) {
        const auto tokens = answer(*engine_, prompt, drawn(seed, format), 200).tokens;
        EXPECT_EQ(answer(*engine_, prompt, drawn(seed, format), 200).tokens, tokens);
        different.insert(tokens);
    }
    EXPECT_GT(different.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Templates, ConstrainedSampling,
                         testing::Values(Template::kOfDemoModel, Template::kStandIn), [](const auto& which) {
                             return which.param == Template::kStandIn ? "StandIn" : "OfDemoModel";
                         });

TEST(ConstrainedSamplingAuto, CallsThatTheModelBeginsAreValid) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    const std::vector<ToolDefinition> tools = {kWeatherTool, kMailTool};
    const ChatPrompt prompt = asked("Check the weather in Rome.", tools);
    const auto format = plan_or_throw(*engine, prompt, {});
    std::size_t calls = 0;
    for (std::uint32_t seed = 0; seed < 40; ++seed) {
        const Answer given = answer(*engine, prompt, drawn(seed, format), 200);
        const auto message = format->parse(given.text, AnswerEnd::kComplete);
        if (!given.ended) continue;
        ASSERT_TRUE(message) << given.text;
        for (const ToolCall& call : message->tool_calls)
            EXPECT_TRUE(is_valid_call(call, tools)) << given.text;
        calls += message->tool_calls.size();
    }
    EXPECT_GT(calls, 10U);
}

TEST(ConstrainedSamplingSchemas, AThousandRandomSchemasAreFollowed) {
    constexpr std::uint32_t kSchemas = 1000;
    const auto engine = open_or_throw(exact_options(kDemoModel));
    const ChatPrompt prompt = asked("Answer in JSON.");
    SchemaMaker maker(7);
    std::uint32_t ended = 0;
    for (std::uint32_t i = 0; i < kSchemas; ++i) {
        const json::object schema = maker.make();
        const auto format = engine->plan_answer(prompt, following(schema));
        ASSERT_TRUE(format) << format.error().message << json::serialize(schema);
        const Answer given = answer(*engine, prompt, drawn(i, *format), 160);
        if (!given.ended) continue;
        ++ended;
        const auto message = (*format)->parse(given.text, AnswerEnd::kComplete);
        ASSERT_TRUE(message) << given.text << json::serialize(schema);
        EXPECT_TRUE(satisfies_text(message->content, schema)) << given.text << json::serialize(schema);
    }
    std::cout << "ended within the limit: " << ended << " of " << kSchemas << "\n";
    EXPECT_GE(ended, kSchemas * 9 / 10);
}

TEST(ConstrainedSamplingSchemas, TheValidatorSeesWhatIsWrong) {
    const ChatPrompt prompt = asked("Answer in JSON.");
    const auto engine = open_or_throw(exact_options(kDemoModel));
    SchemaMaker maker(7);
    for (std::uint32_t i = 0; i < 50; ++i) {
        const Answer given = answer(*engine, prompt, drawn(i), 40);
        EXPECT_FALSE(satisfies_text(given.text, maker.make())) << given.text;
    }
    EXPECT_TRUE(satisfies_text(R"({"n":7,"b":true})", kSmallSchema));
    for (const char* wrong :
         {R"({"n":100,"b":true})", R"({"n":7})", R"({"n":7,"b":1})", R"({"n":"7","b":true})",
          R"({"n":7,"b":true,"c":1})", R"({"n":7.5,"b":true})", R"({"n":7,"b":true)", "[]"})
        EXPECT_FALSE(satisfies_text(wrong, kSmallSchema)) << wrong;
}

TEST(SamplingOptionsTest, ABiasForcesAndForbids) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    const ChatPrompt prompt = asked("Who are you?");
    const Token usual = answer(*engine, prompt, {}, 1).tokens[0];
    const Token forced = usual == 40 ? 41 : 40;
    SamplingOptions options;
    options.logit_bias = {{forced, 100.0F}};
    EXPECT_EQ(answer(*engine, prompt, options, 5).tokens, std::vector<Token>(5, forced));
    options.logit_bias = {{usual, -100.0F}};
    EXPECT_NE(answer(*engine, prompt, options, 1).tokens[0], usual);
    for (const Token missing : {-1, static_cast<Token>(engine->model().vocabulary_size)}) {
        options.logit_bias = {{missing, 1.0F}};
        EXPECT_EQ(engine->make_sampler(options).error().code, ErrorCode::kInvalidArgument);
    }
    options.logit_bias = {{5, std::nanf("")}};
    EXPECT_EQ(engine->make_sampler(options).error().code, ErrorCode::kInvalidArgument);
}

std::size_t most_of_one(const std::vector<Token>& tokens) {
    std::size_t most = 0;
    for (const Token token : tokens)
        most = std::max(most, static_cast<std::size_t>(std::count(tokens.begin(), tokens.end(), token)));
    return most;
}

TEST(SamplingOptionsTest, PenaltiesKeepTokensFromComingAgain) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    const ChatPrompt prompt = asked("Say it again.");
    // A bias that makes one token come again and again, unless a penalty outweighs it.
    SamplingOptions options;
    options.logit_bias = {{40, 60.0F}};
    EXPECT_EQ(most_of_one(answer(*engine, prompt, options, 20).tokens), 20U);
    SamplingOptions repeat = options;
    repeat.repeat_penalty = 100.0F;
    SamplingOptions presence = options;
    presence.presence_penalty = 100.0F;
    SamplingOptions frequency = options;
    frequency.frequency_penalty = 30.0F;
    for (const SamplingOptions& penalized : {repeat, presence, frequency})
        EXPECT_LT(most_of_one(answer(*engine, prompt, penalized, 20).tokens), 20U);
    options.repeat_penalty = 0.0F;
    EXPECT_EQ(engine->make_sampler(options).error().code, ErrorCode::kInvalidArgument);
    options.repeat_penalty = 1.0F;
    options.presence_penalty = std::nanf("");
    EXPECT_EQ(engine->make_sampler(options).error().code, ErrorCode::kInvalidArgument);
}

TEST(SamplingOptionsTest, WithoutAnEndOfTurnNoFormatIsEnforced) {
    const auto engine = open_or_throw(exact_options(kPlainModel));  // its vocabulary has no such token
    SamplingOptions options;
    options.format = plan_or_throw(*engine, asked("Hello"), {});
    EXPECT_TRUE(engine->make_sampler(options)) << "nothing is enforced";
    const auto constrained = engine->plan_answer(asked("Hello"), following(kSmallSchema));
    ASSERT_TRUE(constrained) << constrained.error().message;
    options.format = *constrained;
    EXPECT_EQ(engine->make_sampler(options).error().code, ErrorCode::kInvalidArgument);
}

TEST(SamplingOptionsTest, AFormatOfAnotherEngineIsRefused) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    const FakeEngine other;
    SamplingOptions options;
    options.format = other.plan_answer(asked("Hello"), {}).value();
    EXPECT_EQ(engine->make_sampler(options).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace kvasir::test
