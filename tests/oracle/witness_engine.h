// The witness: records a checksum of every logits vector that was sampled from, and can sabotage imports.
//
// Two runs whose witness lists are equal computed the same logits to the last bit. The sabotages are the
// positive controls: each breaks what a restore hands to the engine, behind all verification, and the oracle
// must see it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "support/forwarding_engine.h"

namespace kvasir::test {

enum class Sabotage {
    kNone,
    kAlterOneRow,     // one byte of one append row
    kLoseWindowRow,   // one row of the window plane is all zeros
    kShiftPositions,  // every append row of a block stands one position too late
    kSwapAgents,      // the first rows of this import are those of the import before it
    kLoseState,       // the state of recurrent layers is all zeros
    kAlterState,      // one bit of the last number of a state
    // Eight bytes in the middle of a state of one piece, whose last ones are an index that need not matter:
    // with few tokens all are chosen.
    kAlterMiddleOfState,
    // The same of what a fork copies, not of what comes from the store.
    kAlterForkedRow,
    kLoseForkedWindowRow,
    kAlterForkedState,
};

class WitnessEngine : public ForwardingEngine {
  public:
    WitnessEngine(std::unique_ptr<Engine> inner, std::vector<std::uint64_t>& witness, Sabotage sabotage)
        : ForwardingEngine(std::move(inner)), witness_(witness), sabotage_(sabotage) {}

    Result<std::unique_ptr<Sampler>> make_sampler(const SamplingOptions& options) override;
    Status import_rows(SequenceId sequence, Plane plane, TokenRange range,
                       std::span<const std::byte> image) override;
    // Rows that are left as they are go the way that they go in the program.
    Status import_rows_in_parts(SequenceId sequence, Plane plane, TokenRange range,
                                RowSource& source) override;
    Status import_snapshot(SequenceId sequence, Position position, std::span<const std::byte> state) override;
    Status fork(SequenceId from, SequenceId to, Position position) override;

  private:
    Status make_again(SequenceId sequence, Position position);
    void sabotage_append(TokenRange range, std::vector<std::byte>& image);

    std::vector<std::uint64_t>& witness_;
    Sabotage sabotage_;
    std::vector<std::byte> former_;  // first block of the import before this one
    Position former_rows_ = 0;
};

}  // namespace kvasir::test
