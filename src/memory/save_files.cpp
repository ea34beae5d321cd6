// Blocks become files: SaveRun's part that another thread works beside.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "memory/saves_in_flight.h"

namespace kvasir {

namespace {

constexpr std::chrono::milliseconds kWaitMax{1};  // whoever waits looks after other things meanwhile

}  // namespace

std::uint64_t SaveRun::bytes_in_flight() const {
    std::uint64_t sum = 0;
    for (const auto& write : writes_) sum += write.file->image_bytes();
    return sum;
}

bool SaveRun::may_copy() const {
    if (writes_.empty()) return true;
    return writes_.size() < kSaveFilesInFlightMax && saves_.bytes() < kSaveBytesInFlightMax;
}

std::shared_ptr<BlockWrite> SaveRun::file_under_way(const BlockName& name) const {
    const auto found =
        std::find_if(writes_.begin(), writes_.end(), [&](const Write& write) { return write.name == name; });
    return found == writes_.end() ? nullptr : found->file;
}

const StoredBlock* SaveRun::file_there(const BlockName& name) const {
    const auto found = std::find_if(written_.begin(), written_.end(),
                                    [&](const StoredBlock& block) { return block.name == name; });
    return found == written_.end() ? nullptr : &*found;
}

// Whether another save has that file: then it is this one's, too.
bool SaveRun::share_file(const BlockName& name) {
    const SaveRun* other = saves_.other_with_file(*this, name);
    if (other == nullptr) return false;
    if (auto file = other->file_under_way(name))
        writes_.push_back({name, std::move(file), nullptr});
    else
        note_written(*other->file_there(name));
    return true;
}

Status SaveRun::begin_write(const Pending& pending) {
    const TokenRange range = pending.identity.range;
    const BlockSpec spec = make_block_spec(context_, pending.identity, chain_->tokens(range));
    BlockWriter& writer = context_.store.writer();
    if (pending.image != nullptr) {
        const bool window = pending.identity.kind == BlockKind::kWindow;
        (window ? result_.window_bytes_written : result_.snapshot_bytes_written) += pending.image->size();
        writes_.push_back({spec.name, writer.begin(spec, pending.image), nullptr});
        return {};
    }
    const auto rows = saves_.take_memory();
    KVASIR_TRY(context_.engine.export_rows(rows_->sequence, Plane::kAppend, range, *rows));
    result_.append_rows_written += range.size();
    result_.append_bytes_written += rows->size();
    ++result_.blocks_written;
    writes_.push_back({spec.name, writer.begin(spec, rows), rows});
    return {};
}

Status SaveRun::begin(Pending& pending) {
    if (std::exchange(pending.begun, true)) return {};
    // Another agent may have written it since this save was planned.
    KVASIR_TRY_ASSIGN(const auto stored,
                      context_.store.catalog().block(pending.identity.kind, pending.identity.name));
    if (!stored && !share_file(pending.identity.name)) KVASIR_TRY(begin_write(pending));
    return {};
}

Position SaveRun::rows_to_copy(Position kept) const {
    Position rows = 0;
    for (const Pending& pending : plan_.pending)
        rows += pending.is_to_copy(kept) ? pending.identity.range.size() : 0;
    return rows;
}

void SaveRun::copy_beyond(Position kept) {
    while (stage_ == Stage::kRoom) step();
    for (Pending& pending : plan_.pending) {
        if (done() || !pending.is_to_copy(kept)) continue;
        if (const Status status = begin(pending); !status) finish(status);
    }
}

// The last file of a name is the one that is there: a save that is planned anew may write a block once more.
void SaveRun::note_written(StoredBlock block) {
    std::erase_if(written_, [&](const StoredBlock& former) { return former.name == block.name; });
    written_.push_back(std::move(block));
}

Status SaveRun::collect_written() {
    while (!writes_.empty() && writes_.front().file->finished()) {
        Write write = std::move(writes_.front());
        writes_.pop_front();
        KVASIR_TRY_ASSIGN(StoredBlock block, context_.store.writer().finish(*write.file));
        note_written(std::move(block));
        if (write.rows != nullptr) saves_.give_memory(std::move(write.rows));
    }
    return {};
}

// Whatever becomes of them.
void SaveRun::collect_all() {
    for (const Write& write : std::exchange(writes_, {})) {
        if (auto block = context_.store.writer().finish(*write.file)) note_written(std::move(*block));
    }
}

Status SaveRun::write_some() {
    KVASIR_TRY(collect_written());
    if (!all_copied() && may_copy()) KVASIR_TRY(begin(plan_.pending[next_++]));
    if (all_copied()) end_copying(writes_.empty() ? Stage::kRefer : Stage::kWrite);
    return {};
}

void SaveRun::end_copying(Stage next) {
    stage_ = next;
    leave_rows();
}

void SaveRun::leave_rows() {
    if (rows_ != nullptr) rows_->copying = nullptr;
    rows_ = nullptr;
}

bool SaveRun::waits() const {
    if (done()) return false;
    if (const SaveRun* earlier = saves_.before(*this)) return earlier->waits();
    if (stage_ != Stage::kWrite || writes_.empty() || writes_.front().file->finished()) return false;
    return all_copied() || !may_copy();
}

void SaveRun::wait_some() const {
    if (const SaveRun* earlier = saves_.before(*this)) return earlier->wait_some();
    if (!writes_.empty()) writes_.front().file->wait(kWaitMax);
}

void SaveRun::finish_all() {
    while (!done()) {
        step();
        if (waits()) wait_some();
    }
}

}  // namespace kvasir
