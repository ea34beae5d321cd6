#include "server/event_hub.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace kvasir {

Status EventHub::add(std::shared_ptr<HttpExchange> exchange) {
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(listeners_, [](const auto& listener) { return listener->closed(); });
        if (listeners_.size() >= kListenersMax)
            return fail(ErrorCode::kUnavailable, fmt::format("{} clients listen already", kListenersMax));
        listeners_.push_back(exchange);
    }
    exchange->begin_stream(200, "text/event-stream", {{"cache-control", "no-store"}});
    exchange->push(": listening\n\n");
    return {};
}

void EventHub::tell(const MemoryEvent& event, std::int64_t unix_ms) {
    const std::lock_guard lock(mutex_);
    ++sequence_;
    if (listeners_.empty()) return;
    const boost::json::value data{{"agent", event.agent},   {"event", to_string(event.kind)},
                                  {"tokens", event.tokens}, {"ms", event.ms},
                                  {"detail", event.detail}, {"unix_ms", unix_ms}};
    const std::string text = fmt::format("id: {}\nevent: {}\ndata: {}\n\n", sequence_, to_string(event.kind),
                                         boost::json::serialize(data));
    std::erase_if(listeners_,
                  [&](const auto& listener) { return listener->push(text) == PushResult::kClosed; });
}

std::size_t EventHub::listeners() const {
    const std::lock_guard lock(mutex_);
    return listeners_.size();
}

std::uint64_t EventHub::told() const {
    const std::lock_guard lock(mutex_);
    return sequence_;
}

void EventHub::close_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& listener : listeners_) listener->finish();
    listeners_.clear();
}

}  // namespace kvasir
