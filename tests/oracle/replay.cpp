#include "oracle/replay.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace kvasir::test {

namespace {

std::uint64_t checksum(std::span<const float> logits) {
    return frame_checksum({}, 0, std::as_bytes(logits)).low;
}

Status replay_chunk(Engine& engine, SequenceId sequence, const Chunk& chunk) {
    std::vector<BatchRow> rows;
    for (Position i = 0; i < chunk.tokens.size(); ++i)
        rows.push_back({sequence, chunk.tokens[i], chunk.begin + i, false});
    rows.back().wants_logits = chunk.logits.has_value();
    KVASIR_TRY(engine.decode(rows));
    return {};
}

}  // namespace

Line line_up_to(const Line& line, Position position) {
    Line made;
    for (const Chunk& chunk : line) {
        if (chunk.begin >= position) break;
        made.push_back(chunk);
        made.back().kept_end = std::min(chunk.kept_end, position);
    }
    return made;
}

std::vector<Token> tokens_of(const Line& line) {
    std::vector<Token> tokens;
    for (const Chunk& chunk : line) {
        const auto kept = static_cast<std::ptrdiff_t>(chunk.kept_end - chunk.begin);
        tokens.insert(tokens.end(), chunk.tokens.begin(), chunk.tokens.begin() + kept);
    }
    return tokens;
}

Status RecordingEngine::decode(std::span<const BatchRow> rows) {
    KVASIR_TRY(ForwardingEngine::decode(rows));
    Chunk chunk;
    chunk.begin = rows.front().position;
    for (const BatchRow& row : rows) chunk.tokens.push_back(row.token);
    chunk.kept_end = chunk.end();
    if (rows.back().wants_logits) chunk.logits = checksum(logits(rows.size() - 1));
    chunks_.push_back(std::move(chunk));
    return {};
}

Result<std::vector<std::optional<std::uint64_t>>> replay(Engine& engine, const Line& line,
                                                         std::size_t first) {
    KVASIR_TRY_ASSIGN(const SequenceId sequence, engine.open_sequence());
    std::vector<std::optional<std::uint64_t>> seen;
    Status replayed;
    for (std::size_t i = 0; i < line.size() && replayed; ++i) {
        const Chunk& chunk = line[i];
        replayed = replay_chunk(engine, sequence, chunk);
        if (!replayed) break;
        if (i >= first) {
            seen.push_back(chunk.logits ? std::optional(checksum(engine.logits(chunk.tokens.size() - 1)))
                                        : std::nullopt);
        }
        if (chunk.kept_end < chunk.end()) replayed = engine.rewind(sequence, chunk.kept_end);
    }
    engine.close_sequence(sequence);
    if (!replayed) return fail(std::move(replayed).error());
    return seen;
}

}  // namespace kvasir::test
