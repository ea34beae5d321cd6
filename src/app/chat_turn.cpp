#include "app/chat_turn.h"

#include <cstdio>

#include <fmt/format.h>

#include "app/interrupt.h"
#include "app/print_json.h"
#include "app/terminal.h"
#include "server/memory_json.h"

namespace kvasir {

std::string describe(const TurnMetrics& metrics) {
    std::string text =
        fmt::format("{} prompt tokens: {} reused ({}), {} evaluated", metrics.prompt_tokens,
                    metrics.reused_tokens, to_string(metrics.source), metrics.evaluated_tokens);
    if (metrics.restore_ms > 0) text += fmt::format("; restore {}", human_ms(metrics.restore_ms));
    text += fmt::format("; first token {}", human_ms(metrics.first_token_ms));
    if (metrics.answer_tokens > 1 && metrics.decode_ms > 0) {
        text += fmt::format("; {:.0f} tokens/s", (metrics.answer_tokens - 1) / (metrics.decode_ms / 1000));
    }
    if (!metrics.not_reused_reason.empty())
        text += fmt::format("; not reused: {}", metrics.not_reused_reason);
    return text;
}

Result<TurnResult> chat_turn(const Config& config, AgentService& agents, const std::string& agent,
                             const std::string& message) {
    const InterruptGuard interrupt;
    ProgressLine progress(config.quiet || config.json);
    MessageOptions options;
    options.answer_tokens_max = config.answer_tokens_max;
    options.sampling.temperature = config.temperature;
    options.sampling.seed = config.seed;
    options.cancelled = &InterruptGuard::flag();
    options.on_progress = [&](TurnPhase phase, Position done, Position total) {
        if (total < 512) return;  // shorter than a blink
        progress.show(phase == TurnPhase::kRestore ? "restoring" : "reading",
                      static_cast<double>(done) / static_cast<double>(total));
    };
    bool shown = false;
    if (!config.json) {
        options.on_text = [&](std::string_view text) {
            progress.clear();
            shown = true;
            fmt::print("{}", for_terminal(text));
            std::fflush(stdout);
        };
    }
    auto turn = agents.message(agent, message, options);
    progress.clear();
    if (!turn) {
        if (shown) fmt::print("\n");  // the error begins a line of its own
        std::fflush(stdout);
        return turn;
    }
    if (config.json) {
        print_json(to_json(*turn));
    } else {
        fmt::print("{}\n", turn->finish_reason == "length" ? styled(Style::kDim, " [...]") : "");
        std::fflush(stdout);
        if (config.verbose) fmt::print(stderr, "kvasir: {}\n", describe(turn->metrics));
    }
    if (!turn->warning.empty() && !config.json) fmt::print(stderr, "kvasir: {}\n", turn->warning);
    return turn;
}

}  // namespace kvasir
