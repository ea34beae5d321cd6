#include "server/store_watch.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace kvasir {

namespace {

// Parts of the budget: with less than the first left, as much as the second is made free.
constexpr std::uint64_t kSlackShare = 50;
constexpr std::uint64_t kSlackWantedShare = 25;
constexpr std::int64_t kInVainUs = 60'000'000;

std::uint64_t bytes_to_collect(const DiskUsage& usage) {
    const std::uint64_t used = usage.counted_bytes + usage.reserved_bytes;
    const std::uint64_t left = usage.budget_bytes > used ? usage.budget_bytes - used : 0;
    if (left >= usage.budget_bytes / kSlackShare) return 0;
    return usage.budget_bytes / kSlackWantedShare - left;
}

}  // namespace

StoreWatch::StoreWatch(StoreWatchOptions options, Scheduler& scheduler, const Clock& clock)
    : options_(options), scheduler_(scheduler), clock_(clock) {
    if (options_.every.count() == 0) return;
    thread_.start(options_.every, FirstCall::kAtOnce, [this] { wake(); });
}

StoreWatch::~StoreWatch() { end(); }

void StoreWatch::start(SlicedWork work) const {
    start_sliced_work(scheduler_, clock_, ended_, std::move(work));
}

StoreStatus StoreWatch::status() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->status;
}

void StoreWatch::wake() {
    if (!std::exchange(reconciling_, true)) reconcile();
    ask();
    if (bytes_to_collect(status().usage) > 0) collect();
}

void StoreWatch::ask() {
    if (shared_->asked.exchange(true)) return;
    const Status queued = scheduler_.run([shared = shared_](AgentMemory& memory) {
        look(memory, *shared);
        shared->asked.store(false);
    });
    if (!queued) shared_->asked.store(false);
}

void StoreWatch::look(AgentMemory& memory, Shared& shared) {
    Store& store = memory.store();
    store.look_after();
    const StoreHealth& health = store.health();
    const auto usage = store.usage();
    const std::lock_guard lock(shared.mutex);
    shared.status.state = health.state();
    const StoreProblem* worst = health.worst();
    shared.status.reason = worst != nullptr ? worst->reason : "";
    shared.status.since_unix_ms = worst != nullptr ? worst->since_unix_ms : 0;
    if (usage) shared.status.usage = *usage;
}

void StoreWatch::reconcile() {
    auto check = std::make_shared<std::unique_ptr<StoreCheck>>();
    SlicedWork work;
    work.piece = [check, shared = shared_](AgentMemory& memory) {
        if (!*check) *check = memory.store().begin_check({CheckDepth::kNames, Repair::kYes});
        if (const Status step = (*check)->step(); !step)
            log(LogLevel::kWarning, "store_not_reconciled", step.error().message);
        if (!(*check)->done()) return Progress::kMore;
        const CheckReport& report = (*check)->report();
        if (report.problems() > 0)
            log(LogLevel::kWarning, "store_reconciled",
                fmt::format("files_unknown={} rows_without_file={} damaged={}", report.unknown,
                            report.missing, report.damaged));
        const std::lock_guard lock(shared->mutex);
        shared->status.reconciled = report.good();
        return Progress::kDone;
    };
    start(std::move(work));
}

void StoreWatch::collect() {
    if (clock_.monotonic_us() < shared_->collect_again_us.load() || shared_->collecting.exchange(true))
        return;
    auto collection = std::make_shared<std::unique_ptr<Collection>>();
    SlicedWork work;
    work.piece = [collection, shared = shared_, &clock = clock_](AgentMemory& memory) {
        if (!*collection) {
            // By what it is now, not when somebody looked last.
            const auto usage = memory.store().usage();
            CollectionRequest request;
            request.bytes = usage ? bytes_to_collect(*usage) : 0;
            request.depth = CollectionDepth::kColdAgents;
            if (request.bytes > 0) *collection = memory.store().begin_collection(request);
        }
        if (*collection) {
            if (const Status step = (*collection)->step(); !step)
                log(LogLevel::kWarning, "collection_failed", step.error().message);
            if (!(*collection)->done()) return Progress::kMore;
            if ((*collection)->result().bytes_freed == 0)
                shared->collect_again_us.store(clock.monotonic_us() + kInVainUs);
        }
        shared->collecting.store(false);
        return Progress::kDone;
    };
    work.cut_off = [shared = shared_] { shared->collecting.store(false); };
    start(std::move(work));
}

}  // namespace kvasir
