// Models of random weights: they open, have the shape that was asked for, and their answers are text that is
// cut into the same tokens again.
#include "engine/synth_model.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <unistd.h>

#include "engine/live_engine.h"

namespace kvasir::test {
namespace {

class SynthModel : public testing::Test {
  protected:
    void TearDown() override { std::filesystem::remove(options_.output_path); }

    SynthOptions options_ = [] {
        SynthOptions options;
        options.shape = "qwen3-0.6b";
        options.layers = 2;
        options.vocabulary = 5000;
        options.tokenizer_path = kDemoModel;
        options.output_path = testing::TempDir() + "synth-" + std::to_string(::getpid()) + ".gguf";
        return options;
    }();
};

class SynthShape : public SynthModel, public testing::WithParamInterface<const char*> {};

TEST_P(SynthShape, OpensAndAnswersWithoutEnd) {
    options_.shape = GetParam();
    if (options_.shape == "gemma3-1b") options_.layers = 6;  // one of them global
    const auto written = write_synth_model(options_);
    ASSERT_TRUE(written) << written.error().message;
    const auto engine = open_or_throw(exact_options(options_.output_path));
    EXPECT_EQ(engine->model().vocabulary_size, 5000U);
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, sequence, random_tokens(*engine, 1, 40)));
    std::string text;
    std::vector<Token> answer;
    const auto first = engine->logits(39);
    Token token = greedy({first.begin(), first.end()});
    for (int i = 0; i < 24; ++i) {
        ASSERT_FALSE(engine->is_end_of_turn(token));
        answer.push_back(token);
        text += engine->piece(token, SpecialTokens::kAsText);
        token = greedy(continue_greedily(*engine, sequence, token, 1).front());
    }
    EXPECT_EQ(engine->tokenize(text, SpecialTokens::kAsText, SequenceStart::kNo).value(), answer) << text;
}

INSTANTIATE_TEST_SUITE_P(Architectures, SynthShape, testing::Values("qwen3-0.6b", "llama3.2-1b", "gemma3-1b"),
                         [](const auto& tested) {
                             const std::string name = tested.param;
                             return name.substr(0, name.find_first_of(".-"));
                         });

TEST_F(SynthModel, UnknownNamesAreRefusedWithThoseThereAre) {
    options_.shape = "gpt-9";
    auto refused = write_synth_model(options_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("llama3.1-8b"));
    options_.shape = "qwen3-0.6b";
    options_.type = "q3_9";
    refused = write_synth_model(options_);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("q8_0"));
}

TEST_F(SynthModel, NoFileIsWrittenOver) {
    ASSERT_TRUE(write_synth_model(options_));
    const auto bytes = std::filesystem::file_size(options_.output_path);
    const auto refused = write_synth_model(options_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
    EXPECT_EQ(std::filesystem::file_size(options_.output_path), bytes);
}

}  // namespace
}  // namespace kvasir::test
