// KV state in and out of the engine: the rules about order and completeness; KvTransfer moves the bytes.
#include <fmt/format.h>
#include <llama-ext.h>

#include "engine/llama/llama_engine_impl.h"

namespace kvasir {

namespace {

tl::unexpected<Error> invalid(std::string what) { return fail(ErrorCode::kInvalidArgument, std::move(what)); }

tl::unexpected<Error> no_snapshot() {
    return fail(ErrorCode::kInvalidArgument, "this model has no snapshot plane");
}

}  // namespace

Status LlamaEngine::export_rows(SequenceId sequence, Plane plane, TokenRange range,
                                std::vector<std::byte>& image) {
    if (!is_open(sequence)) return invalid("export: no such sequence");
    if (layout().layers(plane).empty()) return invalid("export: the model has no such rows");
    if (range.empty() || range.end > length(sequence))
        return invalid("export: the sequence does not hold these rows");
    if (plane == Plane::kWindow && range.begin < window_begin(sequence)) {
        return invalid(fmt::format("export: window rows from {} on are held, not from {}",
                                   window_begin(sequence), range.begin));
    }
    return transfer_->export_rows(static_cast<llama_seq_id>(sequence), plane, range, image);
}

Status LlamaEngine::import_rows(SequenceId sequence, Plane plane, TokenRange range,
                                std::span<const std::byte> image) {
    RowsInMemory rows(image);
    return import_rows_in_parts(sequence, plane, range, rows);
}

Status LlamaEngine::import_rows_in_parts(SequenceId sequence, Plane plane, TokenRange range,
                                         RowSource& source) {
    if (!is_open(sequence)) return invalid("import: no such sequence");
    if (range.end > parts_.info.context_tokens || range.empty()) return invalid("import: beyond the context");
    if (plane == Plane::kWindow) return import_window(sequence, range, source);
    Status imported;
    if (!layout().has_rows()) {
        imported = invalid("import: the model has no append rows");
    } else if (range.begin != ledger_.length(sequence)) {
        imported = invalid("import: append rows must follow each other");
    } else if (Status fits = check_free_cells(range.size()); !fits) {
        imported = std::move(fits);
    } else {
        imported = transfer_->import_rows(static_cast<llama_seq_id>(sequence), plane, range, source);
    }
    if (imported) {
        ledger_.append(sequence, range.size());
    } else {
        empty(sequence);
    }
    return imported;
}

Status LlamaEngine::import_window(SequenceId sequence, TokenRange range, RowSource& source) {
    const Position end = ledger_.length(sequence);
    const Position begin = parts_.geometry.layout.window_range(end).begin;
    const Position next = at(sequence).window_end <= begin ? begin : at(sequence).window_end;
    Status imported;
    if (!slides()) {
        imported = invalid("import: the model has no window plane");
    } else if (range.begin != next || range.end > end) {
        imported = invalid(fmt::format("import: window rows from {} on are expected, up to {}", next, end));
    } else if (range.size() > parts_.geometry.layout.window_tokens) {
        imported = invalid("import: more window rows than the window has");
    } else {
        imported = transfer_->import_rows(static_cast<llama_seq_id>(sequence), Plane::kWindow, range, source);
    }
    if (imported) {
        at(sequence).window_end = range.end;
    } else {
        empty(sequence);
    }
    return imported;
}

Status LlamaEngine::export_snapshot(SequenceId sequence, std::vector<std::byte>& state) {
    if (!layout().has_snapshot()) return no_snapshot();
    if (!is_open(sequence)) return invalid("export: no such sequence");
    if (length(sequence) == 0) return invalid("export: the sequence is empty");
    return transfer_->export_snapshot(static_cast<llama_seq_id>(sequence), length(sequence), state);
}

// Rows must be there up to it, and the window before it.
Status LlamaEngine::check_snapshot_place(SequenceId sequence, Position position) const {
    const Position held = ledger_.length(sequence);
    if (position == 0 || position > parts_.info.context_tokens) return invalid("import: beyond the context");
    if (!layout().has_rows()) return check_free_cells(position > held ? position - held : 0);
    if (position > held) return invalid(fmt::format("import: a state at {} behind {} rows", position, held));
    const TokenRange window = layout().window_range(position);
    const bool complete =
        window.empty() || (at(sequence).window_end >= position && window_begin(sequence) <= window.begin);
    return complete ? Status() : invalid("import: the window of that state is not there");
}

Status LlamaEngine::import_snapshot(SequenceId sequence, Position position,
                                    std::span<const std::byte> state) {
    if (!layout().has_snapshot()) return no_snapshot();
    if (!is_open(sequence)) return invalid("import: no such sequence");
    Status imported = check_snapshot_place(sequence, position);
    if (imported) imported = transfer_->import_snapshot(static_cast<llama_seq_id>(sequence), position, state);
    if (imported) {
        set_end(sequence, position);
    } else {
        empty(sequence);
    }
    return imported;
}

EngineMemory LlamaEngine::memory() const {
    EngineMemory memory;
    if (!parts_.context) {
        memory.weights_bytes = given_back_.weights_bytes;
        return memory;
    }
    for (const auto& [type, bytes] : llama_get_memory_breakdown(parts_.context.get())) {
        memory.weights_bytes += bytes.model;
        memory.kv_pool_bytes += bytes.context;
        memory.compute_bytes += bytes.compute;
    }
    return memory;
}

}  // namespace kvasir
