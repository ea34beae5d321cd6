// What happens to agents, told to everybody who listens on GET /events. Memory tells it on the engine thread,
// listeners come and go on HTTP threads; nobody waits for a slow one (its connection is cut by the HTTP
// server's own limit).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/http.h"
#include "memory/agent_memory.h"

namespace kvasir {

class EventHub {
  public:
    static constexpr std::size_t kListenersMax = 4000;

    // kUnavailable: too many listen.
    Status add(std::shared_ptr<HttpExchange> exchange);
    void tell(const MemoryEvent& event, std::int64_t unix_ms);
    std::size_t listeners() const;
    std::uint64_t told() const;
    void close_all();

  private:
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<HttpExchange>> listeners_;
    std::uint64_t sequence_ = 0;
};

}  // namespace kvasir
