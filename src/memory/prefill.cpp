#include "memory/prefill.h"

#include <algorithm>

#include "base/log.h"

namespace kvasir {

std::vector<TokenRange> plan_chunks(TokenRange range, std::uint32_t batch_tokens,
                                    std::vector<Position> split_at) {
    std::sort(split_at.begin(), split_at.end());
    std::vector<TokenRange> chunks;
    while (!range.empty()) {
        Position end = range.begin + std::min<Position>(range.size(), batch_tokens);
        const auto next = std::upper_bound(split_at.begin(), split_at.end(), range.begin);
        if (next != split_at.end()) end = std::min(end, *next);
        chunks.push_back({range.begin, end});
        range.begin = end;
    }
    return chunks;
}

bool is_cancelled(const std::atomic<bool>* cancelled) { return cancelled != nullptr && cancelled->load(); }

void capture_boundary(Engine& engine, ResidentAgent& agent) {
    const Status captured = agent.windows.capture(engine, agent.sequence, agent.length());
    if (!captured) log(LogLevel::kWarning, "window_not_captured", captured.error().message);
}

Result<std::size_t> prefill(Engine& engine, ResidentAgent& agent, const PrefillRequest& request,
                            const DecodeFunction& decode) {
    const bool windowed = engine.kv_layout().window_tokens > 0;
    const TokenRange missing{agent.length(), static_cast<Position>(request.tokens.size())};
    std::size_t last_row = 0;
    std::vector<BatchRow> rows;
    const auto split_at = windowed ? request.boundaries : std::vector<Position>();
    for (const TokenRange& chunk : plan_chunks(missing, engine.model().batch_tokens, split_at)) {
        if (is_cancelled(request.cancelled))
            return fail(ErrorCode::kCancelled, "cancelled while reading the prompt");
        rows.clear();
        for (Position i = chunk.begin; i < chunk.end; ++i)
            rows.push_back({agent.sequence, request.tokens[i], i, false});
        rows.back().wants_logits = request.last_logits == LastLogits::kYes && chunk.end == missing.end;
        KVASIR_TRY(decode(rows));
        const auto evaluated = request.tokens.subspan(chunk.begin, chunk.size());
        agent.rows.insert(agent.rows.end(), evaluated.begin(), evaluated.end());
        last_row = rows.size() - 1;
        const auto& boundaries = request.boundaries;
        if (windowed && std::find(boundaries.begin(), boundaries.end(), chunk.end) != boundaries.end()) {
            capture_boundary(engine, agent);
        }
        if (request.on_progress) request.on_progress(chunk.end - missing.begin, missing.size());
    }
    return last_row;
}

}  // namespace kvasir
