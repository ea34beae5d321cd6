// Long work on the engine thread in pieces, between the steps of the model: a slice of time, then turns, then
// the next slice. For checks, backups and collections of the store, imports and verifications of agents.
//
// start() may be called from any thread; pieces are called on the engine thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "sched/scheduler.h"

namespace kvasir {

enum class Progress { kMore, kDone };

struct SlicedWork {
    std::function<Progress(AgentMemory&)> piece;
    std::function<void()> cut_off;  // the server ends, or too many tasks wait: no more pieces
    // Pieces get the memory of this model, which stays loaded until they are over; nullopt: any will do.
    std::optional<ModelWish> model = std::nullopt;
    std::function<void(const Error&)> refused = {};  // that model can't be had: no piece is called
};

// `ended` may outlive who set it; scheduler and clock outlive the work.
void start_sliced_work(Scheduler& scheduler, const Clock& clock,
                       std::shared_ptr<const std::atomic<bool>> ended, SlicedWork work);

}  // namespace kvasir
