#include "http/exchange_state.h"

#include <utility>

#include "base/log.h"

namespace kvasir {
namespace {

void call(const std::function<void()>& callback) {
    try {
        callback();
    } catch (const std::exception& e) {
        log(LogLevel::kError, "http_close_callback_threw", e.what());
    } catch (...) {
        log(LogLevel::kError, "http_close_callback_threw");
    }
}

void complain_of_second_answer(const HttpRequest& request) {
    log(LogLevel::kError, "http_second_answer_ignored", "request_id=" + request.request_id);
}

}  // namespace

ExchangeState::ExchangeState(HttpRequest request, std::uint64_t buffer_bytes_max,
                             std::weak_ptr<ExchangeOwner> owner)
    : request_(std::move(request)), buffer_bytes_max_(buffer_bytes_max), owner_(std::move(owner)) {}

void ExchangeState::respond(HttpResponse response) {
    {
        const std::lock_guard lock(mutex_);
        if (client_ != Client::kThere) return;
        if (answer_ != Answer::kNone) return complain_of_second_answer(request_);
        answer_ = Answer::kResponse;
        response_ = std::move(response);
    }
    wake_owner();
}

void ExchangeState::begin_stream(StreamHead head) {
    {
        const std::lock_guard lock(mutex_);
        if (client_ != Client::kThere) return;
        if (answer_ != Answer::kNone) return complain_of_second_answer(request_);
        answer_ = Answer::kStream;
        stream_head_ = std::move(head);
    }
    wake_owner();
}

PushResult ExchangeState::push(std::string bytes) {
    bool overflow = false;
    {
        const std::lock_guard lock(mutex_);
        if (client_ != Client::kThere || answer_ != Answer::kStream) return PushResult::kClosed;
        const std::uint64_t waiting = queue_.size() + bytes_being_sent_;
        // One large piece alone is no sign of a client that does not read.
        overflow = waiting > 0 && waiting + bytes.size() > buffer_bytes_max_;
        if (!overflow) {
            if (queue_.empty()) {
                queue_ = std::move(bytes);
            } else {
                queue_ += bytes;
            }
        }
    }
    if (overflow) {
        if (const std::shared_ptr<ExchangeOwner> owner = owner_.lock()) owner->abort_soon();
        end(Client::kGone);
        return PushResult::kClosed;
    }
    wake_owner();
    return PushResult::kAccepted;
}

void ExchangeState::when_sent(std::function<void()> callback) {
    {
        const std::lock_guard lock(mutex_);
        if (client_ != Client::kThere) return;
        if (queue_.size() + bytes_being_sent_ > 0) {
            sent_callback_ = std::move(callback);
            return;
        }
    }
    call(callback);
}

void ExchangeState::finish() {
    {
        const std::lock_guard lock(mutex_);
        if (client_ != Client::kThere || answer_ != Answer::kStream) return;
        answer_ = Answer::kStreamFinished;
    }
    wake_owner();
}

bool ExchangeState::closed() const {
    const std::lock_guard lock(mutex_);
    return client_ == Client::kGone;
}

void ExchangeState::on_close(std::function<void()> callback) {
    {
        const std::lock_guard lock(mutex_);
        if (client_ == Client::kServed) return;
        if (client_ == Client::kThere) {
            close_callbacks_.push_back(std::move(callback));
            return;
        }
    }
    call(callback);
}

void ExchangeState::abandon() {
    {
        const std::lock_guard lock(mutex_);
        if (client_ != Client::kThere) return;
        if (answer_ != Answer::kNone && answer_ != Answer::kStream) return;
        answer_ = Answer::kAbandoned;
    }
    wake_owner();
}

ExchangeOutput ExchangeState::take() {
    const std::lock_guard lock(mutex_);
    wake_pending_ = false;
    ExchangeOutput output;
    output.response = std::exchange(response_, std::nullopt);
    output.stream_head = std::exchange(stream_head_, std::nullopt);
    output.stream_bytes = std::exchange(queue_, {});
    output.stream_finished = answer_ == Answer::kStreamFinished;
    output.abandoned = answer_ == Answer::kAbandoned;
    bytes_being_sent_ = output.stream_bytes.size();
    return output;
}

void ExchangeState::stream_bytes_sent() {
    std::function<void()> callback;
    {
        const std::lock_guard lock(mutex_);
        bytes_being_sent_ = 0;
        if (queue_.empty()) callback = std::exchange(sent_callback_, nullptr);
    }
    if (callback) call(callback);
}

bool ExchangeState::answer_begun() const {
    const std::lock_guard lock(mutex_);
    return answer_ != Answer::kNone;
}

void ExchangeState::close() { end(Client::kGone); }

void ExchangeState::complete() { end(Client::kServed); }

void ExchangeState::end(Client client) {
    std::vector<std::function<void()>> callbacks;
    std::function<void()> forgotten;  // what it holds goes without the lock
    {
        const std::lock_guard lock(mutex_);
        if (client_ != Client::kThere) return;
        forgotten.swap(sent_callback_);
        client_ = client;
        callbacks.swap(close_callbacks_);
        queue_ = {};
        response_.reset();
        stream_head_.reset();
    }
    if (client != Client::kGone) return;
    for (const auto& callback : callbacks) call(callback);
}

void ExchangeState::wake_owner() {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(wake_pending_, true)) return;
    }
    if (const std::shared_ptr<ExchangeOwner> owner = owner_.lock()) owner->wake();
}

}  // namespace kvasir
