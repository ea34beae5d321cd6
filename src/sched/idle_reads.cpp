#include "sched/idle_reads.h"

#include <algorithm>
#include <utility>

namespace kvasir {

void IdleReads::add(ReadAhead wish) {
    pause();  // the first may be the one that goes
    std::erase_if(wishes_, [&](const ReadAhead& other) { return other.agent == wish.agent; });
    wishes_.push_back(std::move(wish));
    if (wishes_.size() > kReadAheadsMax) wishes_.pop_front();
}

void IdleReads::forget_all() {
    pause();
    wishes_.clear();
}

void IdleReads::end_first() {
    pause();
    wishes_.pop_front();
}

void IdleReads::begin() {
    auto run = memory_.begin_read_ahead(wishes_.front());
    if (!run) return end_first();
    run_ = std::move(*run);
}

void IdleReads::read_chunk() {
    rows_.clear();
    run_->add_rows(rows_, options_.prompt_chunk_tokens);
    const CellUsage cells = engine_.cells();
    const bool room = rows_.size() + cells.append_used <= cells.append_total;
    // Without room somebody would have to leave for it.
    if (rows_.empty() || !room) return end_first();
    if (!memory_.evaluate(rows_)) return end_first();
    tokens_ += rows_.size();
    run_->evaluated(0);
}

void IdleReads::step() {
    if (wishes_.empty()) return;
    if (!run_) return begin();
    if (run_->stage() == TurnStage::kRestore)
        run_->restore_some();
    else
        read_chunk();
    if (!run_ || run_->stage() != TurnStage::kDone) return;
    if (run_->result()) ++done_;
    end_first();
}

void IdleReads::add_to(SchedulerStats& stats) const {
    stats.read_aheads_waiting = static_cast<std::uint32_t>(wishes_.size());
    stats.read_aheads_done = done_;
    stats.read_ahead_tokens = tokens_;
}

}  // namespace kvasir
