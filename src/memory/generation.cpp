#include "memory/generation.h"

#include <array>

#include "memory/utf8.h"

namespace kvasir {

namespace {

void emit(Answer& answer, const std::string& text, const MessageOptions& options) {
    if (text.empty()) return;
    answer.text += text;
    if (options.on_text) options.on_text(text);
}

}  // namespace

Result<Answer> generate(Engine& engine, ResidentAgent& agent, const MessageOptions& options,
                        const GenerationRequest& request, const DecodeFunction& decode) {
    if (is_cancelled(options.cancelled))
        return fail(ErrorCode::kCancelled, "cancelled before the answer began");
    KVASIR_TRY_ASSIGN(const auto sampler, engine.make_sampler(options.sampling));
    Answer answer;
    Utf8Stream characters;
    std::size_t row = request.first_row;
    while (answer.finish_reason.empty()) {
        const Token token = sampler->sample(row);
        answer.tokens.push_back(token);
        if (answer.tokens.size() == 1 && request.on_first_token) request.on_first_token();
        if (engine.is_end_of_turn(token)) {
            answer.finish_reason = "stop";
            break;
        }
        emit(answer, characters.push(engine.piece(token, SpecialTokens::kAsText)), options);
        if (answer.tokens.size() >= request.tokens_max) {
            answer.finish_reason = "length";
        } else if (is_cancelled(options.cancelled)) {
            answer.finish_reason = "cancelled";
        } else {
            const std::array<BatchRow, 1> next = {{{agent.sequence, token, agent.length(), true}}};
            KVASIR_TRY(decode(next));
            agent.rows.push_back(token);
            row = 0;
        }
    }
    emit(answer, characters.finish(), options);
    if (engine.kv_layout().window_tokens > 0) capture_boundary(engine, agent);
    return answer;
}

}  // namespace kvasir
