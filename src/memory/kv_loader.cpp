#include "memory/kv_loader.h"

#include <utility>

#include "base/log.h"
#include "memory/row_image.h"
#include "memory/sliced_rows.h"

namespace kvasir {

namespace {

void note_failure(const char* event, const Status& status) {
    if (!status) log(LogLevel::kWarning, event, status.error().message);
}

// What the store has, as the engine takes it.
class StoredRows : public RowSource {
  public:
    explicit StoredRows(const BlockReader& reader) : reader_(reader) {}

    std::uint64_t bytes() const override { return reader_.image_bytes(); }
    Result<std::span<const std::byte>> part(std::uint64_t number, std::span<std::byte> buffer) override {
        return reader_.part(number, buffer);
    }

  private:
    const BlockReader& reader_;
};

}  // namespace

Status KvLoader::import_block(SequenceId sequence, const PlannedBlock& planned) {
    const StoredBlock& block = planned.block;
    const BlockSpec expected =
        make_block_spec(context_, {block.kind, block.name, block.parent, block.range}, block.tokens);
    if (block.kind == BlockKind::kSnapshot) {
        KVASIR_TRY(context_.store.blocks().read(block, expected, state_));
        return context_.engine.import_snapshot(sequence, block.range.end, state_);
    }
    KVASIR_TRY_ASSIGN(const BlockReader reader, context_.store.blocks().open(block, expected));
    StoredRows rows(reader);
    const Plane plane = plane_of(block.kind);
    if (planned.part == block.range)
        return context_.engine.import_rows_in_parts(sequence, plane, planned.part, rows);
    SlicedRows wanted(rows, context_.layout(), plane, block.range, planned.part);
    return context_.engine.import_rows_in_parts(sequence, plane, planned.part, wanted);
}

UnusableBlock KvLoader::give_up(const StoredBlock& block, const Error& error) {
    log(LogLevel::kWarning, "block_unusable", block.name.hex() + ": " + error.message);
    // A file that could not be read now may be whole: it stays, and is only left out this time.
    if (error.code == ErrorCode::kIo) return {block.name, error.message};
    if (error.code != ErrorCode::kNotFound) {
        ++context_.store.health().counters.blocks_damaged;
        note_failure("quarantine_failed",
                     context_.store.blocks().quarantine(block.kind, block.name, error.message));
    }
    note_failure("drop_block_failed", context_.store.catalog().drop_block(block.kind, block.name));
    return {block.name, error.message};
}

}  // namespace kvasir
