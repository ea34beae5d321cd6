// Reads agents again whose KV is of no use any more, one after the other, the last used first, as turns
// beside those of others: `kvasir rewarm` through a server.
//
// Owned by the server. start() and status() from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "sched/scheduler.h"

namespace kvasir {

struct RewarmStatus {
    bool running = false;
    RewarmReport report;  // so far
    std::string current;  // "" none
};

class RewarmRun;

class Rewarmer {
  public:
    explicit Rewarmer(Scheduler& scheduler);
    Rewarmer(const Rewarmer&) = delete;
    Rewarmer& operator=(const Rewarmer&) = delete;

    // When it runs already, that goes on. kUnavailable: the server ends.
    Status start() const;
    RewarmStatus status() const;

  private:
    std::shared_ptr<RewarmRun> run_;
};

}  // namespace kvasir
