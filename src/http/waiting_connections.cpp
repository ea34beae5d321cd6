#include "http/waiting_connections.h"

#include <iterator>
#include <utility>

namespace kvasir {

void WaitingConnections::add(const std::shared_ptr<Wire>& wire, Kind kind) {
    const std::lock_guard lock(mutex_);
    Queue& queue = queues_.at(static_cast<std::size_t>(kind));
    queue.push_back({wire.get(), wire});
    places_[wire.get()] = {&queue, std::prev(queue.end())};
}

bool WaitingConnections::remove(const Wire* wire) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(wire);
    if (found == places_.end()) return false;
    found->second.queue->erase(found->second.at);
    places_.erase(found);
    return true;
}

bool WaitingConnections::send_one_away() {
    const std::lock_guard lock(mutex_);
    for (Queue& queue : queues_) {
        while (!queue.empty()) {
            const std::shared_ptr<Wire> wire = queue.front().wire.lock();
            places_.erase(queue.front().name);
            queue.pop_front();
            if (!wire) continue;
            wire->abort_soon();
            return true;
        }
    }
    return false;
}

WaitingGuard::WaitingGuard(WaitingConnections& waiting, std::shared_ptr<Wire> wire,
                           WaitingConnections::Kind kind)
    : waiting_(waiting), wire_(std::move(wire)) {
    waiting_.add(wire_, kind);
}

WaitingGuard::~WaitingGuard() { leave(); }

void WaitingGuard::become(WaitingConnections::Kind kind) {
    if (leave()) waiting_.add(wire_, kind);
}

bool WaitingGuard::leave() { return waiting_.remove(wire_.get()); }

}  // namespace kvasir
