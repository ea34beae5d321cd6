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
    const auto note = [](const Status& captured) {
        if (!captured) log(LogLevel::kWarning, "restore_point_not_taken", captured.error().message);
    };
    const KvLayout& layout = engine.kv_layout();
    if (layout.has_window()) note(agent.windows.capture(engine, agent.sequence, agent.length()));
    if (layout.has_snapshot()) note(agent.snapshots.capture(engine, agent.sequence, agent.length()));
}

}  // namespace kvasir
