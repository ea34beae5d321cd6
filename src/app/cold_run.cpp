#include "app/cold_run.h"

#include <algorithm>

#include "base/clock.h"

namespace kvasir {

namespace {

double since_ms(std::int64_t begin_us) {
    return static_cast<double>(system_clock().monotonic_us() - begin_us) / 1000;
}

// Evaluates the prompt; returns the row of the last decode that has logits.
Result<std::size_t> prefill(Engine& engine, SequenceId sequence, std::span<const Token> prompt) {
    std::size_t last_row = 0;
    for (Position begin = 0; begin < prompt.size(); begin += engine.model().batch_tokens) {
        const auto end =
            std::min<Position>(begin + engine.model().batch_tokens, static_cast<Position>(prompt.size()));
        std::vector<BatchRow> rows;
        for (Position position = begin; position < end; ++position) {
            rows.push_back({sequence, prompt[position], position, position + 1 == prompt.size()});
        }
        KVASIR_TRY(engine.decode(rows));
        last_row = rows.size() - 1;
    }
    return last_row;
}

Result<ColdRun> run_in(Engine& engine, SequenceId sequence, std::span<const Token> prompt,
                       std::uint32_t answer_tokens_max) {
    KVASIR_TRY_ASSIGN(const auto sampler, engine.make_sampler({}));
    const std::int64_t begin_us = system_clock().monotonic_us();
    KVASIR_TRY_ASSIGN(const std::size_t row, prefill(engine, sequence, prompt));
    Token token = sampler->sample(row);
    ColdRun run;
    run.first_token_ms = since_ms(begin_us);
    Position position = static_cast<Position>(prompt.size());
    for (std::uint32_t i = 0; i < answer_tokens_max && !engine.is_end_of_turn(token); ++i) {
        run.text += engine.piece(token, SpecialTokens::kAsText);
        const BatchRow next{sequence, token, position++, true};
        KVASIR_TRY(engine.decode(std::span(&next, 1)));
        token = sampler->sample(0);
    }
    return run;
}

}  // namespace

Result<ColdRun> run_cold(Engine& engine, std::span<const Token> prompt, std::uint32_t answer_tokens_max) {
    KVASIR_TRY_ASSIGN(const SequenceId sequence, engine.open_sequence());
    auto run = run_in(engine, sequence, prompt, answer_tokens_max);
    engine.close_sequence(sequence);
    return run;
}

}  // namespace kvasir
