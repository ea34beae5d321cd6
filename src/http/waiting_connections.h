// The connections that wait for their client: who goes when the server is full. Owned by the server's core;
// any thread.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "http/wire.h"

namespace kvasir {

class WaitingConnections {
  public:
    // In the order in which they go; among the like the one that waits longest.
    enum class Kind {
        kSilent,  // the header of a first request is not there
        kAsking,  // a request is on its way
        kServed,  // idle between requests
    };

    void add(const std::shared_ptr<Wire>& wire, Kind kind);
    bool remove(const Wire* wire);  // false: it was sent away
    bool send_one_away();           // false: nobody waits

  private:
    struct Waiting {
        const Wire* name;
        std::weak_ptr<Wire> wire;
    };
    using Queue = std::list<Waiting>;  // who waits longest stands first
    struct Place {
        Queue* queue;
        Queue::iterator at;
    };

    std::mutex mutex_;
    std::array<Queue, 3> queues_;  // by kind
    std::unordered_map<const Wire*, Place> places_;
};

// A connection is among them as long as this lives.
class WaitingGuard {
  public:
    WaitingGuard(WaitingConnections& waiting, std::shared_ptr<Wire> wire, WaitingConnections::Kind kind);
    WaitingGuard(const WaitingGuard&) = delete;
    WaitingGuard& operator=(const WaitingGuard&) = delete;
    ~WaitingGuard();

    void become(WaitingConnections::Kind kind);
    // False: it was sent away meanwhile, so what has just come must not be begun; it can be asked again.
    bool leave();

  private:
    WaitingConnections& waiting_;
    const std::shared_ptr<Wire> wire_;
};

}  // namespace kvasir
