// Tokens, chat templates and sampling of the real engine.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/live_engine.h"

namespace kvasir::test {
namespace {

using testing::HasSubstr;

ChatPrompt conversation(GenerationPrompt generation_prompt = GenerationPrompt::kYes) {
    return {{{Role::kSystem, "You are brief."},
             {Role::kUser, "Who are you?"},
             {Role::kAssistant, "Nora."},
             {Role::kUser, "Where?"}},
            generation_prompt,
            0};
}

std::string text_of(const Engine& engine, const std::vector<Token>& tokens, SpecialTokens special) {
    std::string text;
    for (const Token token : tokens) text += engine.piece(token, special);
    return text;
}

TEST(Text, WhatIsTokenizedReadsBackTheSame) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    for (const std::string text :
         {"The project code is amber.", "a\nb\t c", "Grüße, 世界 🙂", "<|im_end|> as text", ""}) {
        const auto tokens = engine->tokenize(text, SpecialTokens::kAsText, SequenceStart::kNo);
        ASSERT_TRUE(tokens);
        EXPECT_EQ(text_of(*engine, *tokens, SpecialTokens::kAsText), text);
    }
}

TEST(Text, TheTemplateOfTheModelIsUsed) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    const auto rendered = engine->render_chat(conversation());
    ASSERT_TRUE(rendered) << rendered.error().message;
    for (const char* part : {"You are brief.", "Who are you?", "Nora.", "Where?"})
        EXPECT_THAT(*rendered, HasSubstr(part));
    const auto without = engine->render_chat(conversation(GenerationPrompt::kNo));
    EXPECT_LT(without->size(), rendered->size());
    EXPECT_TRUE(rendered->starts_with(*without)) << "the generation prompt only adds";
    const auto tokens = engine->tokenize(*rendered, SpecialTokens::kParse, SequenceStart::kYes);
    EXPECT_EQ(text_of(*engine, *tokens, SpecialTokens::kParse), *rendered);
    const auto as_text = engine->tokenize(*rendered, SpecialTokens::kAsText, SequenceStart::kNo);
    EXPECT_GT(as_text->size(), tokens->size()) << "markers inside a message are not markers";
    EXPECT_TRUE(std::none_of(as_text->begin(), as_text->end(),
                             [&](Token token) { return engine->is_end_of_turn(token); }));
    EXPECT_TRUE(std::any_of(tokens->begin(), tokens->end(),
                            [&](Token token) { return engine->is_end_of_turn(token); }));
}

TEST(Text, ControlTokensShowOnlyOnRequest) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    std::size_t ends = 0;
    for (Token token = 0; token < static_cast<Token>(engine->model().vocabulary_size); ++token) {
        if (!engine->is_end_of_turn(token)) continue;
        ++ends;
        EXPECT_EQ(engine->piece(token, SpecialTokens::kAsText), "");
        EXPECT_NE(engine->piece(token, SpecialTokens::kParse), "");
    }
    EXPECT_GT(ends, 0U);
    EXPECT_EQ(engine->piece(1 << 30, SpecialTokens::kAsText), "");
    EXPECT_EQ(engine->piece(-1, SpecialTokens::kAsText), "");
}

TEST(Text, ChatMlStandsInForAMissingTemplate) {
    const auto engine = open_or_throw(exact_options(kPlainModel));
    ASSERT_TRUE(engine->model().template_missing);
    EXPECT_EQ(*engine->render_chat(conversation()),
              "<|im_start|>system\nYou are brief.<|im_end|>\n<|im_start|>user\nWho are you?<|im_end|>\n"
              "<|im_start|>assistant\nNora.<|im_end|>\n<|im_start|>user\nWhere?<|im_end|>\n<|im_start|>"
              "assistant\n");
}

TEST(Text, RolesHaveTheirNames) {
    EXPECT_STREQ(to_string(Role::kSystem), "system");
    EXPECT_STREQ(to_string(Role::kUser), "user");
    EXPECT_STREQ(to_string(Role::kAssistant), "assistant");
}

std::vector<Token> sample_many(Engine& engine, const SamplingOptions& options, Position count) {
    const SequenceId sequence = open_sequence(engine);
    EXPECT_TRUE(feed(engine, sequence, random_tokens(engine, 4, 20)));
    auto sampler = engine.make_sampler(options).value();
    std::size_t row = 19;
    std::vector<Token> tokens;
    for (Position i = 0; i < count; ++i) {
        tokens.push_back(sampler->sample(row));
        const BatchRow next{sequence, tokens.back(), engine.length(sequence), true};
        EXPECT_TRUE(engine.decode(std::span(&next, 1)));
        row = 0;
    }
    engine.close_sequence(sequence);
    return tokens;
}

TEST(Sampling, TemperatureZeroIsGreedy) {
    const auto engine = open_or_throw(exact_options(kDemoModel));
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, sequence, random_tokens(*engine, 4, 20)));
    const auto logits = engine->logits(19);
    const Token best = greedy({logits.begin(), logits.end()});
    std::vector<Token> expected = {best};
    for (const Logits& next : continue_greedily(*engine, sequence, best, 29))
        expected.push_back(greedy(next));
    SamplingOptions options;
    options.seed = 1;
    EXPECT_EQ(sample_many(*engine, options, 30), expected);
    options.seed = 2;
    EXPECT_EQ(sample_many(*engine, options, 30), expected);
}

TEST(Sampling, ASeedRepeatsAndAnotherDoesNot) {
    const auto engine = open_or_throw(exact_options(kPlainModel));
    SamplingOptions options;
    options.temperature = 1.0F;
    options.seed = 42;
    const auto first = sample_many(*engine, options, 30);
    EXPECT_EQ(sample_many(*engine, options, 30), first);
    options.seed = 43;
    EXPECT_NE(sample_many(*engine, options, 30), first);
}

TEST(Sampling, EachRowOfABatchHasItsOwnLogits) {
    const auto engine = open_or_throw(exact_options(kPlainModel));
    const SequenceId a = open_sequence(*engine);
    const SequenceId b = open_sequence(*engine);
    const std::vector<BatchRow> rows = {{a, 5, 0, false}, {a, 6, 1, true}, {b, 9, 0, true}};
    ASSERT_TRUE(engine->decode(rows));
    const auto of_a = engine->logits(1);
    const auto of_b = engine->logits(2);
    EXPECT_FALSE(std::equal(of_a.begin(), of_a.end(), of_b.begin()));
    auto sampler = engine->make_sampler({}).value();
    EXPECT_EQ(sampler->sample(1), greedy({of_a.begin(), of_a.end()}));
    EXPECT_EQ(sampler->sample(2), greedy({of_b.begin(), of_b.end()}));
}

}  // namespace
}  // namespace kvasir::test
