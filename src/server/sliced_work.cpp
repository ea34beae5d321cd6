#include "server/sliced_work.h"

#include <memory>
#include <utility>

namespace kvasir {

namespace {

constexpr std::int64_t kSliceUs = 5'000;

struct Slices : std::enable_shared_from_this<Slices> {
    Slices(Scheduler& to, const Clock& by, std::shared_ptr<const std::atomic<bool>> end, SlicedWork what)
        : scheduler(to), clock(by), ended(std::move(end)), work(std::move(what)) {}

    void next() {
        const Status queued =
            ended->load() ? fail(ErrorCode::kUnavailable, "the server is shutting down") : queue();
        if (!queued && work.cut_off) work.cut_off();
    }
    Status queue() {
        if (!work.model || use.memory != nullptr)
            return scheduler.run([self = shared_from_this()](AgentMemory& memory) { self->run(memory); });
        return scheduler.run_on(*work.model, [self = shared_from_this()](Result<ModelUse> loaded) {
            if (!loaded) return self->work.refused(loaded.error());
            self->use = std::move(*loaded);
            self->run(*self->use.memory);
        });
    }
    void run(AgentMemory& any) {
        AgentMemory& memory = use.memory != nullptr ? *use.memory : any;
        const std::int64_t end_us = clock.monotonic_us() + kSliceUs;
        do {
            if (work.piece(memory) == Progress::kDone) return;
        } while (clock.monotonic_us() < end_us);
        next();
    }

    Scheduler& scheduler;
    const Clock& clock;
    std::shared_ptr<const std::atomic<bool>> ended;
    ModelUse use;  // outlives the work
    SlicedWork work;
};

}  // namespace

void start_sliced_work(Scheduler& scheduler, const Clock& clock,
                       std::shared_ptr<const std::atomic<bool>> ended, SlicedWork work) {
    std::make_shared<Slices>(scheduler, clock, std::move(ended), std::move(work))->next();
}

}  // namespace kvasir
