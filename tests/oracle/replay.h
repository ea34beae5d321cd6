// The same evaluations without any interruption: what every restored answer is compared with.
//
// A turn's evaluations are noted chunk by chunk. A conversation's line is all chunks that made its rows;
// where a turn began with stored rows, those are the chunks that made them, whenever that was. Replayed in
// order on a sequence that nobody saves, restores or rewinds to a stored state, they give the logits of an
// engine that never stopped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "support/forwarding_engine.h"

namespace kvasir::test {

struct Chunk {
    Position begin = 0;
    std::vector<Token> tokens;
    std::optional<std::uint64_t> logits;  // checksum of the last row's, if it had some
    Position kept_end = 0;                // rows beyond it were cut off afterwards
    Position end() const { return begin + static_cast<Position>(tokens.size()); }
};

using Line = std::vector<Chunk>;

// The chunks that made the first `position` rows.
Line line_up_to(const Line& line, Position position);

std::vector<Token> tokens_of(const Line& line);

// Notes the chunks of the one sequence that is evaluated at a time.
class RecordingEngine : public ForwardingEngine {
  public:
    RecordingEngine(std::unique_ptr<Engine> inner, Line& chunks)
        : ForwardingEngine(std::move(inner)), chunks_(chunks) {}
    Status decode(std::span<const BatchRow> rows) override;

  private:
    Line& chunks_;
};

// Checksums of the logits of the chunks from `first` on, as `engine` computes them in one go.
Result<std::vector<std::optional<std::uint64_t>>> replay(Engine& engine, const Line& line, std::size_t first);

}  // namespace kvasir::test
