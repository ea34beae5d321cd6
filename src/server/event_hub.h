// What happens to agents, told to everybody who listens on GET /events.
//
// Memory tells it on the engine thread, which only notes it: a thread of its own passes it on, what came
// together in one piece, to a group of listeners at a time, so that thousands of them cost the others little.
// Nobody waits for a slow one: its connection is cut by the HTTP server's own limit. Any thread may call.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/http.h"
#include "memory/agent_memory.h"

namespace kvasir {

class EventHub {
  public:
    static constexpr std::size_t kListenersMax = 4000;
    static constexpr std::size_t kWaitingBytesMax = 1
                                                    << 20;  // more at once: events are left out, and counted

    EventHub();
    ~EventHub();
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;

    // kUnavailable: too many listen.
    Status add(std::shared_ptr<HttpExchange> exchange);
    void tell(const MemoryEvent& event, std::int64_t unix_ms);
    std::size_t listeners() const;
    std::uint64_t told() const;
    std::uint64_t left_out() const;
    // Passes on what waits, then ends all streams.
    void close_all();

  private:
    using Listeners = std::vector<std::shared_ptr<HttpExchange>>;

    void pass_on();
    // In groups; a stop cuts the pauses between them short.
    void push_to(const Listeners& listeners, const std::string& text);
    void forget_closed();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Listeners listeners_;
    std::string waiting_;
    std::uint64_t sequence_ = 0;
    std::uint64_t left_out_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace kvasir
