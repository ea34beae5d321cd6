// The fake engine keeps the contract of engine.h and depends on every row.
#include <algorithm>
#include <string>

#include "memory/world.h"

namespace kvasir::test {
namespace {

std::vector<Token> numbers(Position count) {
    std::vector<Token> tokens;
    for (Position i = 0; i < count; ++i) tokens.push_back(static_cast<Token>(i * 7 % 250));
    return tokens;
}

void evaluate(FakeEngine& engine, SequenceId sequence, std::span<const Token> tokens, Position batch = 64) {
    while (engine.length(sequence) < tokens.size()) {
        std::vector<BatchRow> rows;
        for (Position i = engine.length(sequence); i < tokens.size() && rows.size() < batch; ++i) {
            rows.push_back({sequence, tokens[i], i, true});
        }
        ASSERT_TRUE(engine.decode(rows));
    }
}

Token next_token(FakeEngine& engine, SequenceId sequence, Token token) {
    const BatchRow row{sequence, token, engine.length(sequence), true};
    EXPECT_TRUE(engine.decode({&row, 1}));
    return greedy(engine.logits(0));
}

class Fake : public MemoryTest {};
KVASIR_BOTH_MODELS(Fake);

TEST_P(Fake, AnswersAreTheExactModelsWhateverTheBatches) {
    const std::vector<Token> tokens = numbers(100);
    for (const Position batch : {1U, 7U, 64U}) {
        FakeEngine engine(engine_options());
        const SequenceId sequence = *engine.open_sequence();
        evaluate(engine, sequence, tokens, batch);
        std::vector<Token> answer = {greedy(engine.logits((100 - 1) % batch))};
        while (answer.back() != kFakeImEnd && answer.size() < 20) {
            answer.push_back(next_token(engine, sequence, answer.back()));
        }
        EXPECT_EQ(answer, exact_answer(engine.fake(), tokens, 20));
    }
}

TEST_P(Fake, EveryRowCounts) {
    const std::vector<Token> tokens = numbers(60);
    FakeEngine engine(engine_options());
    const SequenceId source = *engine.open_sequence();
    evaluate(engine, source, tokens);
    const TokenRange window = engine.kv_layout().window_range(60);
    std::vector<std::byte> append, windows;
    ASSERT_TRUE(engine.export_rows(source, Plane::kAppend, {0, 60}, append));
    if (windowed()) {
        ASSERT_TRUE(engine.export_rows(source, Plane::kWindow, window, windows));
    }
    const auto logits_with = [&](std::span<const std::byte> rows, std::span<const std::byte> window_rows) {
        const SequenceId sequence = *engine.open_sequence();
        EXPECT_TRUE(engine.import_rows(sequence, Plane::kAppend, {0, 60}, rows));
        if (windowed()) {
            EXPECT_TRUE(engine.import_rows(sequence, Plane::kWindow, window, window_rows));
        }
        next_token(engine, sequence, 5);
        engine.close_sequence(sequence);
        return std::vector<float>(engine.logits(0).begin(), engine.logits(0).end());
    };
    const auto honest = logits_with(append, windows);
    next_token(engine, source, 5);
    EXPECT_TRUE(std::equal(honest.begin(), honest.end(), engine.logits(0).begin()));
    for (std::size_t i = 0; i < append.size(); i += 41) {
        append[i] ^= std::byte{1};
        EXPECT_NE(logits_with(append, windows), honest) << "append byte " << i;
        append[i] ^= std::byte{1};
    }
    // The oldest window row is not needed any more once the next token is there; all others are.
    const std::vector<KvLayer>& layers = engine.kv_layout().window;
    for (std::size_t i = 0; i < windows.size(); i += 37) {
        const std::size_t in_layer =
            i % (window.size() * (layers[0].key_row_bytes + layers[0].value_row_bytes));
        const std::size_t keys = window.size() * layers[0].key_row_bytes;
        const std::size_t row = in_layer < keys ? in_layer / layers[0].key_row_bytes
                                                : (in_layer - keys) / layers[0].value_row_bytes;
        windows[i] ^= std::byte{1};
        EXPECT_EQ(logits_with(append, windows) == honest, row == 0) << "window byte " << i;
        windows[i] ^= std::byte{1};
    }
}

TEST_P(Fake, RefusesWhatTheContractRefuses) {
    FakeEngine engine(engine_options());
    const SequenceId sequence = *engine.open_sequence();
    const std::vector<Token> tokens = numbers(100);
    evaluate(engine, sequence, tokens);
    const BatchRow wrong{sequence, 1, 99, true};
    EXPECT_FALSE(engine.decode({&wrong, 1}));
    EXPECT_FALSE(engine.rewind(sequence, 101));
    std::vector<std::byte> image;
    EXPECT_FALSE(engine.export_rows(sequence, Plane::kAppend, {90, 101}, image));
    EXPECT_FALSE(engine.export_rows(sequence, Plane::kWindow, {60, 70}, image));
    EXPECT_EQ(engine.rewind_floor(sequence), windowed() ? 100U : 0U);
    EXPECT_EQ(engine.rewind(sequence, 50).has_value(), !windowed());
    const SequenceId other = *engine.open_sequence();
    ASSERT_TRUE(engine.export_rows(sequence, Plane::kAppend, {0, 20}, image));
    EXPECT_FALSE(engine.import_rows(other, Plane::kAppend, {5, 25}, image));
    EXPECT_FALSE(engine.import_rows(other, Plane::kAppend, {0, 21}, image));
    EXPECT_TRUE(engine.open_sequence());
    EXPECT_EQ(engine.open_sequence().error().code, ErrorCode::kUnavailable);
}

TEST_P(Fake, ForksShareAppendCells) {
    FakeEngine engine(engine_options());
    const SequenceId from = *engine.open_sequence();
    const SequenceId to = *engine.open_sequence();
    const std::vector<Token> tokens = numbers(100);
    evaluate(engine, from, tokens);
    ASSERT_TRUE(engine.fork(from, to, 100));
    EXPECT_EQ(engine.cells().append_used, 100U);
    EXPECT_EQ(engine.append_cells(to), 100U);
    EXPECT_EQ(next_token(engine, to, 3), next_token(engine, from, 3));
    EXPECT_EQ(engine.cells().append_used, 102U);
    engine.close_sequence(from);
    EXPECT_EQ(engine.cells().append_used, 101U);
    engine.close_sequence(to);
    EXPECT_EQ(engine.cells().append_used, 0U);
}

}  // namespace
}  // namespace kvasir::test
