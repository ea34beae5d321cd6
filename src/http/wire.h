// One accepted connection below HTTP: bytes that came, bytes to send, waiting with a deadline, the end.
//
// A reader of its own takes in what the client sends, up to a limit, also while a request is being answered:
// so the client's going away is seen at once, and early (pipelined) requests wait in `incoming`. Owned by its
// connection and by its reader; exchanges hold it weakly. Functions are called on its strand, but for those
// marked otherwise.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/byte_stream.h"
#include "http/exchange_state.h"

namespace kvasir {

using SteadyTime = std::chrono::steady_clock::time_point;

class Wire final : public ExchangeOwner, public std::enable_shared_from_this<Wire> {
  public:
    enum class Waited { kSignalled, kTimedOut };
    enum class InputEnd { kIsFine, kAborts };  // what it means now that the client sends no more

    // `keep`: what must live as long as the wire (the io_context).
    Wire(std::shared_ptr<void> keep, std::unique_ptr<ByteStream> stream,
         const boost::asio::any_io_executor& strand, std::uint32_t write_timeout_ms);

    void wake() override;        // any thread: ends a wait()
    void abort_soon() override;  // any thread: abort() on the strand

    void start();  // handshake, then reading
    bool handshake_done() const { return handshake_done_; }
    bool aborted() const { return aborted_; }
    bool input_ended() const { return input_ended_; }

    std::string& incoming() { return incoming_; }
    void release_incoming();  // gives back the buffer when it is empty
    // Reads on until `bytes_max` wait in incoming().
    void want_input(std::size_t bytes_max);
    void set_input_end(InputEnd meaning);

    // Until something happened (input, wake(), abort) or `deadline`.
    boost::asio::awaitable<Waited> wait(SteadyTime deadline);
    // All of `bytes`; false when the client is gone or took nothing for write_timeout_ms.
    boost::asio::awaitable<bool> write(std::string_view bytes);
    // Ends politely: what was sent arrives even if the client is still sending.
    boost::asio::awaitable<void> linger();
    void abort();  // closes at once

  private:
    static boost::asio::awaitable<void> read_all(std::shared_ptr<Wire> self, bool handshake_first);
    boost::asio::awaitable<void> read_until_full();
    void start_reader(bool handshake_first);
    void end_input(NetError error);
    void signal();
    void guard(std::chrono::milliseconds limit);
    void watch_guard();

    const std::shared_ptr<void> keep_;  // first: destroyed last
    const boost::asio::any_io_executor strand_;
    const std::chrono::milliseconds write_timeout_;
    std::unique_ptr<ByteStream> stream_;
    boost::asio::steady_timer wait_timer_;
    boost::asio::steady_timer guard_timer_;
    SteadyTime guard_deadline_ = SteadyTime::max();
    std::string incoming_;
    std::size_t incoming_bytes_max_;
    InputEnd input_end_ = InputEnd::kIsFine;
    bool signalled_ = false;
    bool reading_ = false;
    bool guarding_ = false;
    bool handshake_done_ = false;
    bool input_ended_ = false;
    bool aborted_ = false;
};

}  // namespace kvasir
