// Responses that are being made, by id, so that they can be cancelled. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sched/scheduler.h"

namespace kvasir {

class RunningResponses {
  public:
    // `told`: what a client that cancels it is told.
    void add(const std::string& id, const std::shared_ptr<TurnTicket>& ticket, std::string told) {
        const std::lock_guard lock(mutex_);
        std::erase_if(running_, [](const auto& entry) { return entry.second.ticket.expired(); });
        running_[id] = {ticket, std::move(told)};
    }
    // Nothing when it is not running.
    std::optional<std::string> cancel(const std::string& id) {
        const std::lock_guard lock(mutex_);
        const auto found = running_.find(id);
        const auto ticket = found == running_.end() ? nullptr : found->second.ticket.lock();
        if (!ticket) return std::nullopt;
        ticket->cancel();
        return found->second.told;
    }

  private:
    struct Running {
        std::weak_ptr<TurnTicket> ticket;
        std::string told;
    };
    std::mutex mutex_;
    std::map<std::string, Running, std::less<>> running_;
};

}  // namespace kvasir
