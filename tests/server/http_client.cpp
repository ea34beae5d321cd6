#include "server/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kvasir::test {

namespace {

constexpr int kWaitMs = 60'000;

std::string request_text(const std::string& method, const std::string& path, const std::string& body,
                         const HeaderList& headers) {
    std::string text = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
}

void send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

// False: the end, or nothing came.
bool receive(int socket, std::string& text, int wait_ms) {
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, wait_ms) <= 0) return false;
    std::array<char, 16'384> buffer{};
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
}

std::string unchunked(std::string_view text) {
    std::string body;
    while (!text.empty()) {
        const std::size_t line = text.find("\r\n");
        if (line == std::string_view::npos) break;
        const std::size_t size = std::stoul(std::string(text.substr(0, line)), nullptr, 16);
        if (size == 0 || text.size() < line + 2 + size) break;
        body += text.substr(line + 2, size);
        text.remove_prefix(std::min(text.size(), line + 2 + size + 2));
    }
    return body;
}

HttpAnswer parse(const std::string& text) {
    HttpAnswer answer;
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos || text.size() < 12) return answer;
    answer.status = std::stoi(text.substr(9, 3));
    std::size_t at = text.find("\r\n") + 2;
    while (at < end + 2) {
        const std::size_t line_end = text.find("\r\n", at);
        const std::size_t colon = text.find(": ", at);
        if (colon < line_end) {
            std::string name = text.substr(at, colon - at);
            std::transform(name.begin(), name.end(), name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            answer.headers[name] = text.substr(colon + 2, line_end - colon - 2);
        }
        at = line_end + 2;
    }
    answer.body = text.substr(end + 4);
    if (answer.headers["transfer-encoding"] == "chunked") answer.body = unchunked(answer.body);
    return answer;
}

}  // namespace

boost::json::value HttpAnswer::json() const {
    boost::system::error_code error;
    boost::json::value value = boost::json::parse(body, error);
    return error ? boost::json::value("no JSON: " + body) : value;
}

boost::json::array HttpAnswer::events() const {
    boost::json::array events;
    std::size_t at = 0;
    while (at < body.size()) {
        const std::size_t end = std::min(body.find('\n', at), body.size());
        const std::string_view line = std::string_view(body).substr(at, end - at);
        if (line.starts_with("data: ") && line != "data: [DONE]")
            events.push_back(boost::json::parse(line.substr(6)));
        at = end + 1;
    }
    return events;
}

int HttpClient::connect() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(socket);
        return -1;
    }
    return socket;
}

HttpAnswer HttpClient::request(const std::string& method, const std::string& path, const std::string& body,
                               const HeaderList& headers) const {
    const int socket = connect();
    if (socket < 0) return {};
    send_all(socket, request_text(method, path, body, headers));
    std::string text;
    while (receive(socket, text, kWaitMs)) {
    }
    ::close(socket);
    return parse(text);
}

HttpAnswer HttpClient::get(const std::string& path, const HeaderList& headers) const {
    return request("GET", path, "", headers);
}

HttpAnswer HttpClient::post(const std::string& path, const boost::json::value& body,
                            const HeaderList& headers) const {
    return request("POST", path, boost::json::serialize(body), headers);
}

std::string HttpClient::hang_up(const std::string& path, const boost::json::value& body,
                                const std::function<bool(const std::string&)>& enough, int after_ms) const {
    const int socket = connect();
    if (socket < 0) return {};
    send_all(socket, request_text("POST", path, boost::json::serialize(body), {}));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(after_ms);
    std::string text;
    while (!enough(text) && std::chrono::steady_clock::now() < deadline) {
        if (!receive(socket, text, 10) && text.size() > 0 && text.find("0\r\n\r\n") != std::string::npos)
            break;
    }
    ::close(socket);
    return text;
}

}  // namespace kvasir::test
