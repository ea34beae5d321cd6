// Answers generated on the real engine under a format. Owned by the test that includes it; one thread.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/live_engine.h"

namespace kvasir::test {

inline const ToolDefinition kWeatherTool = {
    "get_weather", "The weather of a city.",
    R"({"type":"object","properties":{"city":{"enum":["Paris","Rome"]},"days":{"type":"integer","minimum":1,"maximum":9}},)"
    R"("required":["city"]})"};
inline const ToolDefinition kMailTool = {
    "send_mail", "Sends a mail.",
    R"({"type":"object","properties":{"to":{"type":"string","maxLength":8},"urgent":{"type":"boolean"}},)"
    R"("required":["to","urgent"]})"};

inline ChatPrompt asked(const std::string& question, const std::vector<ToolDefinition>& tools = {}) {
    ChatPrompt prompt;
    prompt.messages = {{Role::kUser, question}};
    prompt.tools = tools;
    return prompt;
}

inline std::shared_ptr<const AnswerFormat> plan_or_throw(const Engine& engine, const ChatPrompt& prompt,
                                                         const AnswerConstraint& constraint) {
    auto format = engine.plan_answer(prompt, constraint);
    if (!format) throw std::runtime_error(format.error().message);
    return std::move(*format);
}

struct Answer {
    std::string text;
    std::vector<Token> tokens;
    bool ended = false;  // by an end-of-turn token
};

inline Answer answer(Engine& engine, const ChatPrompt& prompt, const SamplingOptions& options,
                     std::size_t tokens_max) {
    const SequenceId sequence = open_sequence(engine);
    const auto tokens =
        engine.tokenize(engine.render_chat(prompt).value(), SpecialTokens::kParse, SequenceStart::kYes)
            .value();
    if (const Status fed = feed(engine, sequence, tokens); !fed)
        throw std::runtime_error(fed.error().message);
    auto sampler = engine.make_sampler(options);
    if (!sampler) throw std::runtime_error(sampler.error().message);
    std::size_t row = (tokens.size() - 1) % engine.model().batch_tokens;
    Answer answer;
    while (answer.tokens.size() < tokens_max) {
        const Token token = (*sampler)->sample(row);
        answer.tokens.push_back(token);
        answer.ended = engine.is_end_of_turn(token);
        if (answer.ended) break;
        const bool marker = options.format && options.format->is_marker(token);
        answer.text += engine.piece(token, marker ? SpecialTokens::kParse : SpecialTokens::kAsText);
        const BatchRow next{sequence, token, engine.length(sequence), true};
        if (const Status decoded = engine.decode(std::span(&next, 1)); !decoded)
            throw std::runtime_error(decoded.error().message);
        row = 0;
    }
    engine.close_sequence(sequence);
    return answer;
}

}  // namespace kvasir::test
