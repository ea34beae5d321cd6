// A client that sends exactly the bytes it is told, over a blocking socket, and reads with a time limit. One
// thread each.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/http.h"

namespace kvasir::test {

inline constexpr std::chrono::milliseconds kPatience{10'000};

struct RawResponse {
    int status = 0;                                   // 0: none came
    HttpHeaders headers;                              // names in lower case
    std::string body;                                 // without chunk framing
    std::string header(std::string_view name) const;  // "" none
};

class RawClient {
  public:
    static RawClient tcp(std::uint16_t port);
    static RawClient unix_socket(const std::string& path);
    explicit RawClient(int socket_fd) : fd_(socket_fd) {}
    RawClient(RawClient&& other) noexcept;
    RawClient& operator=(RawClient&& other) noexcept;
    ~RawClient();

    bool connected() const { return fd_ >= 0; }
    int fd() const { return fd_; }
    bool send(std::string_view bytes);  // all of them; false when the server has closed
    void shutdown_send();
    void close();
    void reset();  // closes with a TCP reset
    void set_receive_buffer(int bytes);

    // One response, its whole body read. `method` HEAD: without a body.
    RawResponse response(std::string_view method = "GET", std::chrono::milliseconds limit = kPatience);
    RawResponse head(std::chrono::milliseconds limit = kPatience);  // body left unread
    // The next chunk of a chunked body, "" at its end; nothing when time is up or the connection has ended.
    std::optional<std::string> chunk(std::chrono::milliseconds limit = kPatience);
    std::string read_until_closed(std::chrono::milliseconds limit = kPatience);
    bool closed_within(std::chrono::milliseconds limit);  // by the server; bytes that come first are dropped

    std::size_t drop_some(std::chrono::milliseconds limit = kPatience);  // what one read gives; 0: the end

    bool ends_cleanly(std::chrono::milliseconds limit = kPatience);  // as closed_within, and without a reset

    RawResponse get(const std::string& path, const std::string& more_headers = "");

  private:
    using Time = std::chrono::steady_clock::time_point;
    enum class Got { kBytes, kEnd, kReset, kTimeout };

    Got receive(Time deadline);
    Got drop_until_closed(Time deadline);
    bool fill_until(std::string_view mark, Time deadline);
    bool fill(std::size_t bytes, Time deadline);
    std::optional<std::string> chunk_until(Time deadline);
    std::string take(std::size_t bytes);

    int fd_ = -1;
    std::string buffer_;
};

}  // namespace kvasir::test
