#include "server/event_hub.h"

#include <chrono>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace kvasir {

namespace {

constexpr std::chrono::milliseconds kPassOnEvery{250};
constexpr std::size_t kGroup =
    16;  // listeners at once: their writes take the HTTP threads a quarter of a millisecond
constexpr std::chrono::milliseconds kBetweenGroups{1};

}  // namespace

EventHub::EventHub() : thread_([this] { pass_on(); }) {}

EventHub::~EventHub() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

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
    if (waiting_.size() > kWaitingBytesMax) {
        ++left_out_;
        return;
    }
    const boost::json::value data{{"agent", event.agent},   {"event", to_string(event.kind)},
                                  {"tokens", event.tokens}, {"ms", event.ms},
                                  {"detail", event.detail}, {"unix_ms", unix_ms}};
    waiting_ += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", sequence_, to_string(event.kind),
                            boost::json::serialize(data));
    changed_.notify_all();
}

void EventHub::pass_on() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        const std::string text = std::exchange(waiting_, {});
        const Listeners listeners = listeners_;
        lock.unlock();
        push_to(listeners, text);
        lock.lock();
        changed_.wait_for(lock, kPassOnEvery, [&] { return stopping_; });
    }
}

void EventHub::push_to(const Listeners& listeners, const std::string& text) {
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        if (i > 0 && i % kGroup == 0) {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, kBetweenGroups, [&] { return stopping_; });
        }
        listeners[i]->push(text);
    }
    forget_closed();
}

void EventHub::forget_closed() {
    const std::lock_guard lock(mutex_);
    std::erase_if(listeners_, [](const auto& listener) { return listener->closed(); });
}

std::size_t EventHub::listeners() const {
    const std::lock_guard lock(mutex_);
    return listeners_.size();
}

std::uint64_t EventHub::told() const {
    const std::lock_guard lock(mutex_);
    return sequence_;
}

std::uint64_t EventHub::left_out() const {
    const std::lock_guard lock(mutex_);
    return left_out_;
}

void EventHub::close_all() {
    Listeners listeners;
    std::string text;
    {
        const std::lock_guard lock(mutex_);
        listeners = std::exchange(listeners_, {});
        text = std::exchange(waiting_, {});
    }
    for (const auto& listener : listeners) {
        if (!text.empty()) listener->push(text);
        listener->finish();
    }
}

}  // namespace kvasir
