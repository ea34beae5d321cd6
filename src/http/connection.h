// HTTP/1.1 on one wire: requests are read, checked and answered one after the other until either side ends
// it.
//
// Lives inside the coroutine serve_connection() and runs on the wire's strand. Reading and answering stand in
// files of their own; what they share is the request at hand (current_).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "http/exchange_state.h"
#include "http/http.h"
#include "http/request_parser.h"
#include "http/response_head.h"
#include "http/server_core.h"
#include "http/wire.h"

namespace kvasir {

enum class Admission {
    kServed,
    kRefused,  // over connections_max, and nobody makes room: a 503 and the end
};

struct ConnectionTraits {
    SocketKind socket;
    Admission admission;
    std::string peer;  // its address, for the log; of unix sockets ""
};

// A connection is in the core's list and count as long as this lives.
class Registration {
  public:
    Registration(ServerCore& core, const std::shared_ptr<Wire>& wire, Admission admission);
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    ~Registration();

  private:
    ServerCore& core_;
    const Wire* const wire_;
    const CountGuard count_;
};

// Runs the connection to its end. The wire is started here.
boost::asio::awaitable<void> serve_connection(std::shared_ptr<ServerCore> core, std::shared_ptr<Wire> wire,
                                              std::shared_ptr<Registration> registration,
                                              ConnectionTraits traits);

class Connection {
  public:
    Connection(std::shared_ptr<ServerCore> core, std::shared_ptr<Wire> wire, ConnectionTraits traits);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    boost::asio::awaitable<void> run();

  private:
    // Of the request at hand, for its response.
    struct Current {
        std::string request_id;
        std::string path;
        std::string method;
        HttpHeaders cors_headers;
        SteadyTime begun = SteadyTime::max();
        int status = 0;
        std::uint64_t bytes_sent = 0;
        bool cut_off = false;  // not all of the answer was sent
        int version = 11;
        bool head_only = false;  // HEAD
        bool keep_alive = false;
    };
    enum class Read { kRequest, kAnswered, kEnd };

    boost::asio::awaitable<bool> finish_handshake();
    void log_access() const;

    // Coroutines that are awaited at once take references to what their caller holds.
    // connection_read.cpp
    boost::asio::awaitable<Read> read_request(HttpRequest& request);
    boost::asio::awaitable<bool> wait_for_first_byte();
    boost::asio::awaitable<Read> read_rest(HttpRequest& request);
    void note_request(const HttpRequest& request);
    RequestError accept_header(RequestParser& parser);
    RequestError check_access(const HttpRequest& request, const std::string& authority);
    std::optional<HttpResponse> answer_here(const HttpRequest& request) const;

    // connection_answer.cpp
    boost::asio::awaitable<void> answer(HttpRequest& request);
    boost::asio::awaitable<bool> answer_exchange(ExchangeState& state);
    boost::asio::awaitable<bool> send_stream(ExchangeState& state, ExchangeOutput& output);
    boost::asio::awaitable<bool> send_response(const HttpResponse& response);
    boost::asio::awaitable<bool> send_error(int status, std::string_view message);
    std::string stream_head(const StreamHead& head, BodyFraming framing);
    AfterResponse decide_after();

    const std::shared_ptr<ServerCore> core_;
    const std::shared_ptr<Wire> wire_;
    const ConnectionTraits traits_;
    Current current_;
    bool served_ = false;  // a whole request came before
    bool ended_ = false;   // the last response said Connection: close
};

}  // namespace kvasir
