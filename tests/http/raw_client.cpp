#include "http/raw_client.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace kvasir::test {
namespace {

using Clock = std::chrono::steady_clock;

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;  // SO_NOSIGPIPE does it
#endif

int connect_to(int family, const void* address, socklen_t size) {
    const int fd = ::socket(family, SOCK_STREAM, 0);
    if (fd < 0) return -1;
#ifdef SO_NOSIGPIPE
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
#endif
    if (::connect(fd, static_cast<const sockaddr*>(address), size) == 0) return fd;
    ::close(fd);
    return -1;
}

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

RawResponse parse_head(std::string_view text) {
    RawResponse response;
    if (text.substr(0, 9) != "HTTP/1.1 ") return response;
    response.status = std::atoi(std::string(text.substr(9, 3)).c_str());
    text.remove_prefix(text.find("\r\n") + 2);
    while (text.size() > 2) {
        const std::string_view line = text.substr(0, text.find("\r\n"));
        const std::size_t colon = line.find(": ");
        response.headers.emplace_back(lower_case(std::string(line.substr(0, colon))), line.substr(colon + 2));
        text.remove_prefix(line.size() + 2);
    }
    return response;
}

}  // namespace

std::string RawResponse::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return "";
}

RawClient RawClient::tcp(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return RawClient(connect_to(AF_INET, &address, sizeof address));
}

RawClient RawClient::unix_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), std::min(path.size() + 1, sizeof address.sun_path - 1));
    return RawClient(connect_to(AF_UNIX, &address, sizeof address));
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

RawClient& RawClient::operator=(RawClient&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(buffer_, other.buffer_);
    return *this;
}

RawClient::~RawClient() { close(); }

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), kSendFlags);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void RawClient::shutdown_send() { ::shutdown(fd_, SHUT_WR); }

void RawClient::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawClient::reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

void RawClient::set_receive_buffer(int bytes) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

RawResponse RawClient::head(std::chrono::milliseconds limit) {
    if (!fill_until("\r\n\r\n", Clock::now() + limit)) return {};
    return parse_head(take(buffer_.find("\r\n\r\n") + 4));
}

RawResponse RawClient::response(std::string_view method, std::chrono::milliseconds limit) {
    const Time deadline = Clock::now() + limit;
    RawResponse response = head(limit);
    if (response.status == 0 || method == "HEAD") return response;
    if (response.header("transfer-encoding") == "chunked") {
        for (;;) {
            const std::optional<std::string> part = chunk_until(deadline);
            if (!part) return {};
            if (part->empty()) return response;
            response.body += *part;
        }
    }
    const std::size_t length = std::strtoull(response.header("content-length").c_str(), nullptr, 10);
    if (!fill(length, deadline)) return {};
    response.body = take(length);
    return response;
}

std::optional<std::string> RawClient::chunk(std::chrono::milliseconds limit) {
    return chunk_until(Clock::now() + limit);
}

std::optional<std::string> RawClient::chunk_until(Time deadline) {
    if (!fill_until("\r\n", deadline)) return std::nullopt;
    const std::size_t line = buffer_.find("\r\n") + 2;
    const std::size_t size = std::strtoull(buffer_.c_str(), nullptr, 16);
    if (!fill(line + size + 2, deadline)) return std::nullopt;
    take(line);
    std::string bytes = take(size);
    if (take(2) != "\r\n") return std::nullopt;
    return bytes;
}

std::string RawClient::read_until_closed(std::chrono::milliseconds limit) {
    const Time deadline = Clock::now() + limit;
    while (receive(deadline) == Got::kBytes) {
    }
    return take(buffer_.size());
}

bool RawClient::closed_within(std::chrono::milliseconds limit) {
    return drop_until_closed(Clock::now() + limit) != Got::kTimeout;
}

bool RawClient::ends_cleanly(std::chrono::milliseconds limit) {
    return drop_until_closed(Clock::now() + limit) == Got::kEnd;
}

RawClient::Got RawClient::drop_until_closed(Time deadline) {
    for (;;) {
        const Got got = receive(deadline);
        buffer_.clear();
        if (got != Got::kBytes) return got;
    }
}

std::size_t RawClient::drop_some(std::chrono::milliseconds limit) {
    if (receive(Clock::now() + limit) != Got::kBytes) return 0;
    return take(buffer_.size()).size();
}

RawResponse RawClient::get(const std::string& path, const std::string& more_headers) {
    send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_headers + "\r\n");
    return response();
}

RawClient::Got RawClient::receive(Time deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd poll{fd_, POLLIN, 0};
    if (::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) return Got::kTimeout;
    std::array<char, 256 * 1024> bytes;
    const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (count <= 0) return count == 0 ? Got::kEnd : Got::kReset;
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return Got::kBytes;
}

bool RawClient::fill_until(std::string_view mark, Time deadline) {
    while (buffer_.find(mark) == std::string::npos) {
        if (receive(deadline) != Got::kBytes) return false;
    }
    return true;
}

bool RawClient::fill(std::size_t bytes, Time deadline) {
    while (buffer_.size() < bytes) {
        if (receive(deadline) != Got::kBytes) return false;
    }
    return true;
}

std::string RawClient::take(std::size_t bytes) {
    std::string taken = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return taken;
}

}  // namespace kvasir::test
