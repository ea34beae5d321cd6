// Sequences of the real engine: forks, rewinds, cells and counters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/live_engine.h"

namespace kvasir::test {
namespace {

class Sequences : public testing::TestWithParam<std::string> {
  protected:
    std::unique_ptr<Engine> open(std::uint32_t sequences = 5, Position context = 1024) const {
        LlamaOptions options = exact_options(GetParam());
        options.sequences = sequences;
        options.context_tokens = context;
        return open_or_throw(options);
    }
};

TEST_P(Sequences, AForkContinuesAsItsSource) {
    for (const Position at : {Position{1}, Position{200}, Position{300}}) {
        const auto engine = open();
        const SequenceId source = open_sequence(*engine);
        const auto tokens = random_tokens(*engine, 1, 300);
        ASSERT_TRUE(feed(*engine, source, {tokens.begin(), tokens.begin() + at}));
        const SequenceId fork = open_sequence(*engine);
        ASSERT_TRUE(engine->fork(source, fork, at));
        EXPECT_EQ(engine->length(fork), at);
        EXPECT_EQ(engine->cells().append_used, at) << "append cells are shared";
        const auto forked = continue_greedily(*engine, fork, 7, 40);
        EXPECT_EQ(continue_greedily(*engine, source, 7, 40), forked);
        engine->close_sequence(source);
        EXPECT_EQ(engine->cells().append_used, at + 40);
        engine->close_sequence(fork);
        EXPECT_EQ(engine->cells().append_used, 0U);
        EXPECT_EQ(engine->cells().window_used, 0U);
    }
}

TEST_P(Sequences, AnEngineThatRestedIsTheSame) {
    const auto engine = open();
    const auto tokens = random_tokens(*engine, 1, 100);
    const SequenceId first = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, first, tokens));
    const auto before = continue_greedily(*engine, first, 7, 20);
    EXPECT_EQ(engine->rest().error().code, ErrorCode::kConflict) << "a sequence is open";
    engine->close_sequence(first);
    const EngineMemory held = engine->memory();
    const std::uint64_t evaluated = engine->counters().total();
    EXPECT_EQ(engine->rest().value(), held.kv_pool_bytes + held.compute_bytes);
    EXPECT_EQ(engine->rest().value(), 0U) << "it rests already";
    EXPECT_EQ(engine->memory().kv_pool_bytes, 0U);
    EXPECT_EQ(engine->memory().weights_bytes, held.weights_bytes);
    EXPECT_EQ(engine->counters().total(), evaluated);
    EXPECT_EQ(engine->cells().append_used, 0U);
    const SequenceId second = open_sequence(*engine);
    EXPECT_EQ(engine->memory().kv_pool_bytes, held.kv_pool_bytes);
    ASSERT_TRUE(feed(*engine, second, tokens));
    EXPECT_EQ(continue_greedily(*engine, second, 7, 20), before);
    EXPECT_EQ(engine->counters().total(), 2 * evaluated);
}

TEST_P(Sequences, AForkCanBeTakenFromBehindTheEnd) {
    const auto engine = open();
    const SequenceId source = open_sequence(*engine);
    const auto tokens = random_tokens(*engine, 1, 120);
    ASSERT_TRUE(feed(*engine, source, tokens));
    const Position floor = engine->rewind_floor(source);
    ASSERT_LT(floor, 120U);
    const Position at = std::max(floor, 100U);
    const SequenceId fork = open_sequence(*engine);
    ASSERT_TRUE(engine->fork(source, fork, at));
    const auto forked = continue_greedily(*engine, fork, 7, 5);
    ASSERT_TRUE(engine->rewind(source, at));
    EXPECT_EQ(engine->length(source), at);
    EXPECT_EQ(continue_greedily(*engine, source, 7, 5), forked) << "a rewind leads to the same place";
    const SequenceId other = open_sequence(*engine);
    EXPECT_EQ(engine->fork(source, other, engine->length(source) + 1).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(engine->fork(source, fork, at).error().code, ErrorCode::kInvalidArgument)
        << "the target is not empty";
}

TEST_P(Sequences, FourForksOfOnePrefixSpeakForLong) {
    constexpr Position kPrefix = 300;
    // Many times the window's pool; where there is none, a few suffice.
    const Position each = GetParam() == kWindowModel ? 2000 : 200;
    LlamaOptions options = exact_options(GetParam());
    options.sequences = 5;
    options.batch_tokens = 64;  // a small window pool: the prefix fills it
    options.context_tokens = kPrefix + each;
    options.kv_cells = kPrefix + 4 * each;
    const auto engine = open_or_throw(options);
    const SequenceId prefix = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, prefix, random_tokens(*engine, 3, kPrefix)));
    std::vector<SequenceId> forks;
    for (int i = 0; i < 4; ++i) {
        forks.push_back(open_sequence(*engine));
        ASSERT_TRUE(engine->fork(prefix, forks.back(), kPrefix));
    }
    for (Position step = 0; step < each; ++step) {
        std::vector<BatchRow> rows;
        for (const SequenceId fork : forks)
            rows.push_back({fork, static_cast<Token>(4 + step % 60), kPrefix + step, false});
        const Status decoded = engine->decode(rows);
        ASSERT_TRUE(decoded) << "step " << step << ": " << decoded.error().message;
    }
    EXPECT_EQ(engine->cells().append_used, kPrefix + 4 * each);
    if (engine->kv_layout().window_tokens == 0) return;
    std::vector<std::byte> image;
    EXPECT_TRUE(engine->export_rows(forks[0], Plane::kWindow,
                                    engine->kv_layout().window_range(kPrefix + each), image));
}

TEST_P(Sequences, ARewindBelowTheFloorIsRefusedAndChangesNothing) {
    const auto engine = open();
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, sequence, random_tokens(*engine, 1, 700)));
    const Position floor = engine->rewind_floor(sequence);
    EXPECT_EQ(engine->rewind(sequence, 701).error().code, ErrorCode::kInvalidArgument);
    if (engine->kv_layout().window_tokens == 0) {
        EXPECT_EQ(floor, 0U);
    } else {
        ASSERT_GT(floor, 0U);
        EXPECT_EQ(engine->rewind(sequence, floor - 1).error().code, ErrorCode::kInvalidArgument);
    }
    EXPECT_EQ(engine->length(sequence), 700U);
    ASSERT_TRUE(engine->rewind(sequence, std::max(floor, 650U)));
    EXPECT_EQ(continue_greedily(*engine, sequence, 7, 3).size(), 3U);
    ASSERT_TRUE(engine->rewind(sequence, 0)) << "everything can always be given up";
    EXPECT_EQ(engine->cells().append_used, 0U);
    EXPECT_TRUE(feed(*engine, sequence, random_tokens(*engine, 1, 10)));
}

// Window rows of an agent who waits stay, whatever the others do: its last window can be saved late.
TEST_P(Sequences, AWindowOutlivesTheDecodingOfOthers) {
    const auto engine = open();
    const SequenceId sequence = open_sequence(*engine);
    const auto tokens = random_tokens(*engine, 1, 400);
    ASSERT_TRUE(feed(*engine, sequence, tokens));
    const std::vector<SavedRows> early = save(*engine, sequence);
    const SequenceId other = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, other, random_tokens(*engine, 2, 900)));
    const std::vector<SavedRows> late = save(*engine, sequence);
    ASSERT_EQ(late.size(), early.size());
    for (std::size_t i = 0; i < late.size(); ++i) EXPECT_EQ(late[i].image, early[i].image);
}

TEST_P(Sequences, PlacesAndCellsRunOutWithAnError) {
    LlamaOptions options = exact_options(GetParam());
    options.sequences = 2;
    options.context_tokens = 512;
    options.kv_cells = 512;
    const auto engine = open_or_throw(options);
    const SequenceId a = open_sequence(*engine);
    const SequenceId b = open_sequence(*engine);
    EXPECT_EQ(engine->open_sequence().error().code, ErrorCode::kUnavailable);
    ASSERT_TRUE(feed(*engine, a, random_tokens(*engine, 1, 500)));
    const Status full = feed(*engine, b, random_tokens(*engine, 2, 13));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::kOutOfMemory);
    EXPECT_THAT(full.error().message, testing::HasSubstr("13 KV cells are needed and 12 of 512 are free"));
    EXPECT_EQ(engine->length(b), 0U);
    EXPECT_TRUE(feed(*engine, b, random_tokens(*engine, 2, 12)));
    engine->close_sequence(a);
    EXPECT_EQ(engine->cells().append_used, 12U);
    EXPECT_EQ(open_sequence(*engine), a);
}

TEST_P(Sequences, RowsThatDoNotFollowAreRefused) {
    const auto engine = open();
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, sequence, random_tokens(*engine, 1, 10)));
    const auto vocabulary = static_cast<Token>(engine->model().vocabulary_size);
    for (const BatchRow& row : {BatchRow{sequence, 5, 9, true}, BatchRow{sequence, 5, 11, true},
                                BatchRow{sequence, vocabulary, 10, true}, BatchRow{sequence, -1, 10, true},
                                BatchRow{SequenceId{4}, 5, 0, true}, BatchRow{SequenceId{-1}, 5, 0, true}}) {
        EXPECT_EQ(engine->decode(std::span(&row, 1)).error().code, ErrorCode::kInvalidArgument);
    }
    EXPECT_FALSE(engine->decode({}));
    const std::vector<BatchRow> too_many(engine->model().batch_tokens + 1, BatchRow{sequence, 5, 10, false});
    EXPECT_FALSE(engine->decode(too_many));
    EXPECT_EQ(engine->length(sequence), 10U);
}

TEST_P(Sequences, CountersSayWhatWasEvaluatedAndNoMore) {
    const auto engine = open();
    EXPECT_EQ(engine->counters().total(), 0U) << "opening is not counted";
    const SequenceId sequence = open_sequence(*engine);
    ASSERT_TRUE(feed(*engine, sequence, random_tokens(*engine, 1, 300)));
    EXPECT_EQ(engine->counters().total(), 300U);
    EXPECT_EQ(engine->counters().decode_tokens, 0U);
    continue_greedily(*engine, sequence, 7, 1);
    EXPECT_EQ(engine->counters().decode_tokens, 1U);
    continue_greedily(*engine, sequence, 7, 10);
    EXPECT_EQ(engine->counters().decode_tokens, 11U);
    const std::vector<SavedRows> saved = save(*engine, sequence);
    const SequenceId copy = open_sequence(*engine);
    ASSERT_TRUE(restore(*engine, copy, saved));
    ASSERT_TRUE(engine->fork(copy, open_sequence(*engine), 311));
    EXPECT_EQ(engine->length(copy), 311U);
    EXPECT_EQ(engine->counters().total(), 311U) << "what is restored or forked is not evaluated";
    EXPECT_FALSE(engine->decode({}));
    EXPECT_EQ(engine->counters().total(), 311U);
}

INSTANTIATE_TEST_SUITE_P(Models, Sequences, testing::Values(kPlainModel, kWindowModel),
                         [](const auto& param) {
                             return std::string(param.param == kPlainModel ? "plain" : "window");
                         });

}  // namespace
}  // namespace kvasir::test
