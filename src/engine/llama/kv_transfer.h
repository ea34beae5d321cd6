// Moves rows between a llama.cpp context and row images, block by block, through one scratch sequence.
//
// Export: seq_cp(range -> scratch), get the state, seq_rm(scratch): O(rows of the range). Import: compose an
// image, verify it completely, set it into the empty scratch sequence, hand its cells over by seq_cp,
// seq_rm(scratch). After a refusal the scratch cells are scrubbed, since llama.cpp may have written some of
// them. Owned by the engine, its thread only.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <llama.h>

#include "base/result.h"
#include "base/tokens.h"
#include "engine/kv_layout.h"
#include "engine/llama/geometry.h"

namespace kvasir {

class KvTransfer {
  public:
    // positions_max: no position reaches it (the context of one sequence).
    KvTransfer(llama_context& context, const ModelGeometry& geometry, llama_seq_id scratch,
               Position positions_max);

    Status export_rows(llama_seq_id sequence, Plane plane, TokenRange range, std::vector<std::byte>& rows);
    // The window rows of a range no longer than the window, or any append range.
    Status import_rows(llama_seq_id sequence, Plane plane, TokenRange range, std::span<const std::byte> rows);
    // After a fork by seq_cp: gives `sequence` window cells of its own, since shared ones are never recycled.
    Status unshare_window(llama_seq_id sequence);
    // Does the real state of a sequence of so many rows have the geometry that we believe in?
    Status check_layout(llama_seq_id sequence, Position rows);

  private:
    bool has_window() const { return !geometry_.window.empty(); }
    StateGeometries geometries(Plane plane) const;
    // The state of a sequence that holds at most `rows` rows; valid until the next call of anything here.
    Result<std::span<const std::byte>> get_state(llama_seq_id sequence, Plane plane, Position rows);
    bool set_state(llama_seq_id sequence, Plane plane, std::span<const std::byte> image);
    Status export_part(llama_seq_id sequence, Plane plane, TokenRange range, std::vector<std::byte>& rows);
    void scrub(Plane plane, TokenRange range);

    llama_context& context_;
    const ModelGeometry& geometry_;
    llama_seq_id scratch_;
    Position positions_max_;
    std::vector<std::byte> image_;  // reused: fresh memory costs more than the copy
    std::vector<std::byte> part_;
};

}  // namespace kvasir
