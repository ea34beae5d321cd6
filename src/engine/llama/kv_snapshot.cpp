// Snapshots in and out of a llama.cpp context, and forks: KvTransfer's part.
#include <algorithm>
#include <cstring>
#include <exception>

#include <fmt/format.h>
#include <llama-memory-recurrent.h>  // internal header of the pinned engine: states apart from rows

#include "engine/llama/kv_transfer.h"

namespace kvasir {

namespace {

constexpr std::size_t kHeaderBytes = 8;  // magic, sequence id

Error no_state(const char* why) {
    return {ErrorCode::kDamaged, fmt::format("the engine did not hand out its KV state: {}", why)};
}

}  // namespace

// All that the engine has of the sequence, behind the header that names the sequence.
Status KvTransfer::export_opaque(llama_seq_id sequence, std::vector<std::byte>& state) {
    std::size_t bytes = 0;
    try {
        image_.resize(llama_state_seq_get_size_ext(&context_, sequence, 0));
        bytes = llama_state_seq_get_data_ext(&context_, reinterpret_cast<std::uint8_t*>(image_.data()),
                                             image_.size(), sequence, 0);
    } catch (const std::exception& error) {
        return fail(no_state(error.what()));
    }
    if (bytes <= kHeaderBytes || bytes > image_.size()) return fail(no_state("it is empty"));
    state.assign(image_.begin() + kHeaderBytes, image_.begin() + static_cast<std::ptrdiff_t>(bytes));
    return {};
}

// These bytes were checksummed when this very kind of engine handed them out, and nobody can look deeper into
// them. What a refusal leaves behind are cells that hold what the engine once wrote: finite, and free.
bool KvTransfer::import_opaque(llama_seq_id sequence, std::span<const std::byte> state) {
    llama_memory_seq_rm(memory_, sequence, -1, -1);
    return set_state(sequence, Plane::kAppend, compose_opaque(state).pieces());
}

Status KvTransfer::export_snapshot(llama_seq_id sequence, Position end, std::vector<std::byte>& state) {
    if (is_opaque()) return export_opaque(sequence, state);
    // Through the scratch sequence the state comes without the rows of the window.
    llama_seq_id source = sequence;
    if (has_window()) {
        parts_.state->seq_cp(sequence, scratch_, -1, -1);
        source = scratch_;
    }
    const auto image = get_state(source, Plane::kWindow, 0);
    if (has_window()) parts_.state->seq_rm(scratch_, -1, -1);
    if (!image) return fail(image.error());
    KVASIR_TRY_ASSIGN(const ParsedState parsed,
                      parse_state(*image, geometries(Plane::kWindow), positions_max_));
    return bytes_of_snapshot(parsed.snapshot, end, state);
}

Status KvTransfer::import_snapshot(llama_seq_id sequence, Position end, std::span<const std::byte> state) {
    if (is_opaque()) {
        if (state.empty() || !import_opaque(sequence, state))
            return fail(ErrorCode::kDamaged, "the engine refused a stored state of this model");
    } else {
        if (state.size() != geometry_.snapshot->bytes())
            return fail(ErrorCode::kDamaged, "the KV state is damaged: it does not have the size of a state");
        KVASIR_TRY(check_finite_state(state));
        const StatePieces image = compose_snapshot(geometries(Plane::kWindow), end, state);
        KVASIR_TRY(
            parse_state(image, geometries(Plane::kWindow), positions_max_).map([](const ParsedState&) {}));
        if (!set_state(sequence, Plane::kWindow, image.pieces()))
            return fail(ErrorCode::kOutOfMemory, "the engine has no free cell for a state");
        if (!llama_memory_seq_rm(memory_, sequence, static_cast<llama_pos>(end), -1))
            return fail(ErrorCode::kDamaged, "the engine could not rewind this sequence");
    }
    if (llama_memory_seq_pos_max(memory_, sequence) + 1 == static_cast<llama_pos>(end)) return {};
    return fail(ErrorCode::kDamaged, "the KV state is damaged: it ends at another position");
}

Status KvTransfer::fork(llama_seq_id from, llama_seq_id to, Position end) {
    if (is_opaque()) {
        KVASIR_TRY(export_opaque(from, part_));
        return import_snapshot(to, end, part_);
    }
    if (parts_.rows != nullptr) parts_.rows->seq_cp(from, to, 0, static_cast<llama_pos>(end));
    if (parts_.state != nullptr) parts_.state->seq_cp(from, to, -1, -1);
    if (!has_window() && parts_.state == nullptr) return {};
    // Set once more, window rows and state get cells of their own. llama.cpp hands out one row more than a
    // window needs, where it still has it.
    KVASIR_TRY_ASSIGN(const auto image, get_state(to, Plane::kWindow, geometry_.layout.window_tokens + 1));
    KVASIR_TRY(parse_state(image, geometries(Plane::kWindow), positions_max_).map([](const ParsedState&) {}));
    if (set_state(to, Plane::kWindow, std::span(&image, 1))) return {};
    llama_memory_seq_rm(memory_, to, -1, -1);
    return fail(ErrorCode::kOutOfMemory, "the engine has no free window cells for a fork");
}

Status KvTransfer::check_snapshot(llama_seq_id sequence, Position tokens) {
    std::vector<std::byte> first;
    std::vector<std::byte> second;
    KVASIR_TRY(export_snapshot(sequence, tokens, first));
    KVASIR_TRY(import_snapshot(sequence, tokens, first));
    KVASIR_TRY(export_snapshot(sequence, tokens, second));
    if (first == second) return {};
    return fail(ErrorCode::kDamaged, "a state that was handed back is not the same afterwards");
}

}  // namespace kvasir
