#include "http/wire.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"

namespace kvasir {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kFirstReadBytes = 16 * 1024;
constexpr std::size_t kLingerBytes = 64 * 1024;
constexpr std::chrono::milliseconds kLingerTime{2000};

}  // namespace

Wire::Wire(std::shared_ptr<void> keep, std::unique_ptr<ByteStream> stream,
           const asio::any_io_executor& strand, std::uint32_t write_timeout_ms)
    : keep_(std::move(keep)),
      strand_(strand),
      write_timeout_(write_timeout_ms),
      stream_(std::move(stream)),
      wait_timer_(strand),
      guard_timer_(strand),
      incoming_bytes_max_(kFirstReadBytes) {}

// Handlers that wait in the io_context hold the wire weakly: nothing keeps a finished connection, or a
// stopped server's.
void Wire::wake() {
    asio::post(strand_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->signal();
    });
}

void Wire::abort_soon() {
    asio::post(strand_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->abort();
    });
}

void Wire::start() { start_reader(true); }

void Wire::start_reader(bool handshake_first) {
    reading_ = true;
    asio::co_spawn(strand_, read_all(shared_from_this(), handshake_first), asio::detached);
}

void Wire::release_incoming() {
    if (incoming_.empty()) std::string().swap(incoming_);
}

void Wire::want_input(std::size_t bytes_max) {
    incoming_bytes_max_ = bytes_max;
    const bool has_room = incoming_.size() < incoming_bytes_max_;
    if (has_room && handshake_done_ && !reading_ && !input_ended_ && !aborted_) start_reader(false);
}

void Wire::set_input_end(InputEnd meaning) {
    input_end_ = meaning;
    if (input_ended_ && meaning == InputEnd::kAborts) abort();
}

asio::awaitable<void> Wire::read_all(std::shared_ptr<Wire> self, bool handshake_first) {
    try {
        NetError error;
        if (handshake_first) error = co_await self->stream_->handshake();
        if (error) {
            self->abort();
        } else {
            self->handshake_done_ = true;
            if (handshake_first) self->signal();
            co_await self->read_until_full();
        }
    } catch (const std::exception& e) {
        log(LogLevel::kError, "http_reader_failed", e.what());
        self->abort();
    }
    self->reading_ = false;
}

asio::awaitable<void> Wire::read_until_full() {
    while (!aborted_ && incoming_.size() < incoming_bytes_max_) {
        const std::size_t room = incoming_bytes_max_ - incoming_.size();
        const NetError error = co_await stream_->read_some(incoming_, room);
        if (error) {
            end_input(error);
            co_return;
        }
        signal();
    }
}

void Wire::end_input(NetError error) {
    input_ended_ = true;
    if (error != asio::error::eof || input_end_ == InputEnd::kAborts) abort();
    signal();
}

void Wire::signal() {
    signalled_ = true;
    wait_timer_.cancel();
}

asio::awaitable<Wire::Waited> Wire::wait(SteadyTime deadline) {
    if (!signalled_ && !aborted_) {
        NetError ignored;
        wait_timer_.expires_at(deadline);
        co_await wait_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    const bool signalled = std::exchange(signalled_, false) || aborted_;
    co_return signalled ? Waited::kSignalled : Waited::kTimedOut;
}

asio::awaitable<bool> Wire::write(std::string_view bytes) {
    while (!bytes.empty() && !aborted_) {
        guard(write_timeout_);
        const WriteProgress progress = co_await stream_->write_some(bytes);
        guard_deadline_ = SteadyTime::max();
        if (progress.error) abort();
        bytes.remove_prefix(progress.bytes);
    }
    co_return !aborted_;
}

asio::awaitable<void> Wire::linger() {
    if (aborted_) co_return;
    set_input_end(InputEnd::kIsFine);
    const SteadyTime deadline = std::chrono::steady_clock::now() + kLingerTime;
    incoming_.clear();
    want_input(kLingerBytes);
    guard(kLingerTime);
    co_await stream_->shutdown_send();
    guard_deadline_ = SteadyTime::max();
    while (!aborted_ && !input_ended_) {
        incoming_.clear();
        want_input(kLingerBytes);
        const Waited waited = co_await wait(deadline);
        if (waited == Waited::kTimedOut || std::chrono::steady_clock::now() >= deadline) break;
    }
    abort();
}

void Wire::abort() {
    if (std::exchange(aborted_, true)) return;
    input_ended_ = true;
    stream_->close();
    guard_timer_.cancel();
    signal();
}

// Closes the wire unless guard_deadline_ is moved in time. One timer stays armed for many writes and looks at
// the deadline when it fires: moving a timer for each write would cost more than the write.
void Wire::guard(std::chrono::milliseconds limit) {
    guard_deadline_ = std::chrono::steady_clock::now() + limit;
    if (guarding_ && guard_timer_.expiry() <= guard_deadline_) return;
    guard_timer_.expires_at(guard_deadline_);  // cancels a later one
    watch_guard();
}

void Wire::watch_guard() {
    guarding_ = true;
    guard_timer_.async_wait([weak = weak_from_this()](NetError error) {
        const auto self = weak.lock();
        if (!self || error) return;
        self->guarding_ = false;
        if (self->guard_deadline_ == SteadyTime::max() || self->aborted_) return;
        if (std::chrono::steady_clock::now() >= self->guard_deadline_) return self->abort();
        self->guard_timer_.expires_at(self->guard_deadline_);
        self->watch_guard();
    });
}

}  // namespace kvasir
