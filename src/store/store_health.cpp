#include "store/store_health.h"

#include <algorithm>

#include "base/log.h"

namespace kvasir {

namespace {

bool is_of_the_disk(ErrorCode code) {
    return code == ErrorCode::kIo || code == ErrorCode::kNoSpace || code == ErrorCode::kStoreUnusable;
}

constexpr const char* kPartNames[kStoreParts] = {"catalog", "turns", "blocks", "kv_space"};

}  // namespace

const char* to_string(StoreState state) {
    switch (state) {
        case StoreState::kOk:
            return "ok";
        case StoreState::kLow:
            return "low";
        case StoreState::kFull:
            return "full";
        case StoreState::kDegraded:
            return "degraded";
    }
    return "ok";
}

bool StoreHealth::note(StorePart part, const Status& outcome, std::int64_t now_unix_ms) {
    auto& problem = problems_[static_cast<std::size_t>(part)];
    const std::string name = kPartNames[static_cast<std::size_t>(part)];
    if (outcome) {
        if (!problem) return false;
        log(LogLevel::kWarning, "store_recovered", "part=" + name);
        problem.reset();
        ++counters.recovered;
        return false;
    }
    if (!is_of_the_disk(outcome.error().code)) return false;
    if (!problem) {
        log(LogLevel::kWarning, "store_problem", "part=" + name + " reason=" + outcome.error().message);
        problem = StoreProblem{"", now_unix_ms, now_unix_ms};
    }
    problem->reason = outcome.error().message;
    problem->seen_unix_ms = now_unix_ms;
    return true;
}

StoreState StoreHealth::state() const {
    if (problem(StorePart::kCatalog)) return StoreState::kDegraded;
    if (problem(StorePart::kTurns)) return StoreState::kFull;
    if (problem(StorePart::kBlocks)) return StoreState::kDegraded;
    return problem(StorePart::kKvSpace) ? StoreState::kLow : StoreState::kOk;
}

const StoreProblem* StoreHealth::worst() const {
    const auto found = std::find_if(problems_.begin(), problems_.end(),
                                    [](const auto& problem) { return problem.has_value(); });
    return found == problems_.end() ? nullptr : &**found;
}

}  // namespace kvasir
