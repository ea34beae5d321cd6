// The client over unix sockets, and the socket of the server's own user.
#include "http/unix_client.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/test_server.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

class UnixClient : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "http_XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        options_.owner_path = path();
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string path() const { return folder_ + "/owner"; }

    // What listens and answers with exactly these bytes.
    void answer_with(const std::string& bytes) {
        const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(listener, static_cast<const sockaddr*>(static_cast<const void*>(&address)),
                         sizeof address),
                  0);
        ASSERT_EQ(::listen(listener, 1), 0);
        std::thread([listener, bytes] {
            RawClient peer(::accept(listener, nullptr, nullptr));
            peer.send(bytes);
            ::close(listener);
        }).detach();
    }

    std::string folder_;
    HttpOptions options_;
};

TEST_F(UnixClient, AsksAndIsKnownAsTheOwner) {
    TestServer server(options_);
    ClientRequest request;
    request.method = "POST";
    request.target = "/held?x=1";
    request.body = std::string(3'000'000, 'b');
    std::thread answering([&] {
        const std::shared_ptr<HttpExchange> exchange = server.next();
        ASSERT_NE(exchange, nullptr);
        EXPECT_EQ(exchange->request().socket, SocketKind::kOwner);
        EXPECT_EQ(exchange->request().body, request.body);
        HttpResponse response;
        response.status = 507;
        response.body = std::string(2'000'000, 'r');
        exchange->respond(std::move(response));
    });
    const auto response = ask_unix_socket(path(), request);
    answering.join();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 507);
    EXPECT_EQ(response->body, std::string(2'000'000, 'r'));
}

TEST_F(UnixClient, TakesAStreamAsItComes) {
    TestServer server(options_);
    std::atomic<int> came{0};
    std::string body;
    ClientRequest request;
    request.target = "/held";
    request.on_bytes = [&](std::string_view bytes) -> Status {
        body += bytes;
        came += static_cast<int>(bytes.size());
        return {};
    };
    std::thread answering([&] {
        const std::shared_ptr<HttpExchange> exchange = server.next();
        ASSERT_NE(exchange, nullptr);
        exchange->begin_stream(200, "text/event-stream", {});
        exchange->push("one ");
        EXPECT_TRUE(becomes_true([&] { return came == 4; })) << "the first piece before the second is made";
        exchange->push("two");
        exchange->finish();
    });
    const auto response = ask_unix_socket(path(), request);
    answering.join();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(body, "one two");
    EXPECT_EQ(response->body, "");
}

TEST_F(UnixClient, StopsWhenItIsToldTo) {
    TestServer server(options_);
    std::atomic<bool> cancelled{false};
    ClientRequest request;
    request.target = "/held";
    request.cancelled = &cancelled;
    std::shared_ptr<HttpExchange> exchange;
    std::thread stopping([&] {
        exchange = server.next();
        cancelled = true;
    });
    const auto response = ask_unix_socket(path(), request);
    stopping.join();
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
    EXPECT_TRUE(becomes_true([&] { return exchange->closed(); })) << "the server learns of it";
}

TEST_F(UnixClient, DoesNotWaitForEver) {
    TestServer server(options_);
    ClientRequest request;
    request.target = "/held";
    request.silence_ms_max = 100;
    const auto response = ask_unix_socket(path(), request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
    request.silence_ms_max = 10'000;
    request.target = "/echoed";
    EXPECT_TRUE(ask_unix_socket(path(), request));
}

TEST_F(UnixClient, TakesNoMoreThanItWants) {
    TestServer server(options_);
    ClientRequest request;
    request.target = "/" + std::string(100, 'x');
    request.body_bytes_max = 50;
    const auto response = ask_unix_socket(path(), request);
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().message, HasSubstr("50 bytes"));
    request.body_bytes_max = 500;
    EXPECT_TRUE(ask_unix_socket(path(), request));
}

TEST_F(UnixClient, NobodyThere) {
    const auto nothing = ask_unix_socket(path(), {});
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code, ErrorCode::kNotFound);
    const auto too_long = ask_unix_socket("/" + std::string(200, 'x'), {});
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code, ErrorCode::kUnavailable);
}

TEST_F(UnixClient, ForeignAndBrokenAnswers) {
    const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    answer_with(good);
    const auto whole = ask_unix_socket(path(), {});
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(whole->body, "hello");
    for (const std::string& bytes : {std::string(), std::string("SSH-2.0-OpenSSH\r\n"), good.substr(0, 20),
                                     good.substr(0, good.size() - 1), std::string(100'000, 'x')}) {
        std::filesystem::remove(path());
        answer_with(bytes);
        const auto broken = ask_unix_socket(path(), {});
        ASSERT_FALSE(broken) << bytes.substr(0, 50);
        EXPECT_EQ(broken.error().code, ErrorCode::kUnavailable);
    }
}

TEST_F(UnixClient, AServerGoesOnWithoutTheSocketOfItsOwner) {
    options_.owner_path = "/" + std::string(200, 'x');
    {
        TestServer server(options_);
        ASSERT_FALSE(server.server().owner_socket());
        EXPECT_THAT(server.server().owner_socket().error().message, HasSubstr("201 bytes"));
        RawClient tcp = server.client();
        EXPECT_EQ(tcp.get("/").status, 200);
    }
    options_.owner_path = path();
    TestServer server(options_);
    EXPECT_TRUE(server.server().owner_socket());
}

}  // namespace
}  // namespace kvasir::test
