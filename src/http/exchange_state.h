// What one request and its answer have in common: those who answer, on any thread, put in; the connection, on
// its strand, takes out. It outlives both sides as long as either needs it, and may outlive the server.
//
// Shared by the connection and the handle that handlers see (exchange.h). Thread-safe; nothing here blocks.
// Callbacks run without the lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "http/http.h"

namespace kvasir {

// The connection as the exchange sees it: it is told that there is something to take, or that the client is
// too slow.
class ExchangeOwner {
  public:
    ExchangeOwner() = default;
    ExchangeOwner(const ExchangeOwner&) = delete;
    ExchangeOwner& operator=(const ExchangeOwner&) = delete;
    virtual ~ExchangeOwner() = default;
    // Any thread; neither blocks.
    virtual void wake() = 0;
    virtual void abort_soon() = 0;  // closes the connection, whatever it is doing
};

// Head of a stream, as given to begin_stream().
struct StreamHead {
    int status;
    std::string content_type;
    HttpHeaders headers;
    std::string keep_alive;  // "": a comment
};

// What has come in since the last take().
struct ExchangeOutput {
    std::optional<HttpResponse> response;
    std::optional<StreamHead> stream_head;
    std::string stream_bytes;
    bool stream_finished = false;
    bool abandoned = false;  // dropped without an answer, or without the end of its stream
};

class ExchangeState {
  public:
    ExchangeState(HttpRequest request, std::uint64_t buffer_bytes_max, std::weak_ptr<ExchangeOwner> owner);

    const HttpRequest& request() const { return request_; }

    // For those who answer.
    void respond(HttpResponse response);
    void begin_stream(StreamHead head);
    PushResult push(std::string bytes);
    void when_sent(std::function<void()> callback);
    void finish();
    bool closed() const;
    void on_close(std::function<void()> callback);
    void abandon();  // nobody is left to answer

    // For the connection.
    ExchangeOutput take();
    void stream_bytes_sent();  // of the last take()
    bool answer_begun() const;
    void close();     // the client is gone
    void complete();  // all is sent; callbacks are forgotten

  private:
    enum class Answer { kNone, kResponse, kStream, kStreamFinished, kAbandoned };
    enum class Client { kThere, kGone, kServed };

    void wake_owner();
    void end(Client client);

    const HttpRequest request_;
    const std::uint64_t buffer_bytes_max_;
    const std::weak_ptr<ExchangeOwner> owner_;

    mutable std::mutex mutex_;
    Answer answer_ = Answer::kNone;
    Client client_ = Client::kThere;
    bool wake_pending_ = false;
    std::optional<HttpResponse> response_;
    std::optional<StreamHead> stream_head_;
    std::string queue_;
    std::uint64_t bytes_being_sent_ = 0;
    std::vector<std::function<void()>> close_callbacks_;
    std::function<void()> sent_callback_;
};

// The face of `state` for handlers: dropping the last copy abandons the exchange.
std::shared_ptr<HttpExchange> make_exchange_handle(std::shared_ptr<ExchangeState> state);

}  // namespace kvasir
