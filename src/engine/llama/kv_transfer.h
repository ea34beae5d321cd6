// Moves rows between a llama.cpp context and row images, block by block, through one scratch sequence.
//
// Rows. Export: seq_cp(range -> scratch), tap its state, copy the rows out of the tensors (row_copies.h),
// seq_rm(scratch): O(rows of the range). Import:
// compose an image around the rows' places, verify it completely, offer it to the empty scratch sequence,
// bring the rows (row_parts.h), hand the cells over by seq_cp, seq_rm(scratch). A refusal writes no row, a
// bad part nothing of itself, and no sequence gets the cells. Of a hybrid memory only the rows are copied so,
// never the state beside them. Snapshots: the state alone, set into the sequence itself. Owned by the engine,
// its thread only.
//   kv_transfer.cpp: rows     kv_snapshot.cpp: snapshots, forks
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <llama.h>

#include "base/result.h"
#include "base/tokens.h"
#include "engine/kv_layout.h"
#include "engine/llama/geometry.h"
#include "engine/llama/row_parts.h"
#include "engine/llama/row_places.h"
#include "engine/llama/state_feed.h"
#include "engine/llama/state_tap.h"
#include "engine/llama/transfer_memory.h"

namespace kvasir {

class KvTransfer {
  public:
    // positions_max: no position reaches it (the context of one sequence).
    KvTransfer(llama_context& context, const ModelGeometry& geometry, llama_seq_id scratch,
               Position positions_max);

    Status export_rows(llama_seq_id sequence, Plane plane, TokenRange range, std::vector<std::byte>& rows);
    // The window rows of a range no longer than the window, or any append range.
    Status import_rows(llama_seq_id sequence, Plane plane, TokenRange range, RowSource& rows);
    // The state of a sequence of `end` tokens.
    Status export_snapshot(llama_seq_id sequence, Position end, std::vector<std::byte>& state);
    // Makes it the sequence's; rows from `end` on are dropped.
    Status import_snapshot(llama_seq_id sequence, Position end, std::span<const std::byte> state);
    // `to`, which is empty, becomes a copy of the first `end` tokens of `from`: append cells are shared,
    // window cells (shared ones are never recycled) and state are copied. With a snapshot plane, `end` is
    // where `from` ends.
    Status fork(llama_seq_id from, llama_seq_id to, Position end);
    // Does the real state of a sequence of so many tokens have the geometry that we believe in, and does its
    // snapshot come back as it went?
    Status check_layout(llama_seq_id sequence, Position tokens);
    llama_pos window_begin(llama_seq_id sequence) const;  // position of the oldest row of a window; -1: none

  private:
    bool has_window() const { return !geometry_.window.empty(); }
    bool is_opaque() const { return geometry_.layout.snapshot_form == SnapshotForm::kOpaque; }
    StateGeometries geometries(Plane plane) const;
    // The state of a sequence that holds at most `rows` rows; valid until the next call of anything here.
    Result<std::span<const std::byte>> get_state(llama_seq_id sequence, Plane plane, Position rows);
    // The same, but rows stay in their tensors.
    Status tap_state(llama_seq_id sequence, Plane plane, StateTap& tap);
    // Images that were walked. false: refused, nothing was written. offer_state() only makes room for it.
    bool offer_state(llama_seq_id sequence, Plane plane, StateFeed& feed);
    bool set_state(llama_seq_id sequence, Plane plane, std::span<const std::span<const std::byte>> image);
    Status export_part(llama_seq_id sequence, Plane plane, TokenRange range, std::vector<std::byte>& rows);
    Status copy_scratch(Plane plane, TokenRange range, std::vector<std::byte>& rows);
    Status check_rows(llama_seq_id sequence, Position tokens);
    Status check_snapshot(llama_seq_id sequence, Position tokens);
    Status export_opaque(llama_seq_id sequence, std::vector<std::byte>& state);
    bool import_opaque(llama_seq_id sequence, std::span<const std::byte> state);

    llama_context& context_;
    llama_memory_t memory_;
    MemoryParts parts_;
    const ModelGeometry& geometry_;
    llama_seq_id scratch_;
    Position positions_max_;
    std::vector<std::byte> image_;  // reused: fresh memory costs more than the copy
    std::vector<std::byte> part_;
    RowPlaces places_;
    TransferMemory transfer_;
};

}  // namespace kvasir
