// Slow clients are cut off, each in its way; clients that are only not fast are not.
#include <chrono>
#include <string>
#include <thread>

#include <gmock/gmock.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using std::chrono::milliseconds;

std::chrono::steady_clock::duration time_of(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::steady_clock::now() - start;
}

TEST(HttpTimeouts, SlowSenderOfAHeaderGets408) {
    HttpOptions options;
    options.request_timeout_ms = 400;
    TestServer server(options);
    RawClient client = server.client();
    std::string answer;
    // A byte now and then must not buy more time.
    const auto time = time_of([&] {
        for (const char byte : std::string("GET / HTTP/1.1\r\nHost: localhost\r\n")) {
            if (!client.send(std::string(1, byte))) break;
            std::this_thread::sleep_for(milliseconds(25));
        }
        answer = client.read_until_closed();
    });
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 408");
    EXPECT_LT(time, milliseconds(3500));
}

TEST(HttpTimeouts, SlowSenderOfABodyGets408) {
    HttpOptions options;
    options.request_timeout_ms = 300;
    TestServer server(options);
    RawClient client = server.client();
    client.send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
    EXPECT_EQ(client.response().status, 408);
    RawClient steady = server.client();
    steady.send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
    std::this_thread::sleep_for(milliseconds(100));
    steady.send("67890");
    EXPECT_EQ(steady.response().status, 200);
}

TEST(HttpTimeouts, IdleConnectionIsClosedWithoutAWord) {
    HttpOptions options;
    options.idle_timeout_ms = 300;
    TestServer server(options);
    RawClient silent = server.client();
    RawClient after_request = server.client();
    EXPECT_EQ(after_request.get("/").status, 200);
    EXPECT_FALSE(after_request.closed_within(milliseconds(100)));
    EXPECT_EQ(silent.read_until_closed(milliseconds(3000)), "");
    EXPECT_TRUE(after_request.closed_within(milliseconds(3000)));
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }));
}

// Empty lines are no request that is late: no 408, and no way to stay for ever.
TEST(HttpTimeouts, EmptyLinesAreIdle) {
    HttpOptions options;
    options.idle_timeout_ms = 500;
    options.request_timeout_ms = 100;
    TestServer server(options);
    RawClient client = server.client();
    EXPECT_EQ(client.get("/").status, 200);
    for (int i = 0; i < 10; ++i) {
        client.send("\r\n");
        std::this_thread::sleep_for(milliseconds(20));
    }
    EXPECT_EQ(client.get("/").status, 200);
    client.send("\r\n");
    EXPECT_EQ(client.read_until_closed(milliseconds(3000)), "");
}

TEST(HttpTimeouts, LongAnswerIsNotIdle) {
    HttpOptions options;
    options.idle_timeout_ms = 200;
    options.request_timeout_ms = 200;
    options.write_timeout_ms = 200;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    std::this_thread::sleep_for(milliseconds(900));
    exchange->respond({});
    EXPECT_EQ(client.response().status, 200);
}

TEST(HttpTimeouts, ReaderThatTakesNothingIsCutOff) {
    HttpOptions options;
    options.write_timeout_ms = 400;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    std::atomic<bool> told{false};
    exchange->on_close([&] { told = true; });
    HttpResponse response;
    response.body.resize(64'000'000, 'x');
    exchange->respond(std::move(response));
    EXPECT_TRUE(becomes_true([&] { return told.load(); }, milliseconds(3000)));
    EXPECT_TRUE(exchange->closed());
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }, milliseconds(1000)));
}

TEST(HttpTimeouts, SlowReaderThatTakesSomethingIsServed) {
    HttpOptions options;
    options.write_timeout_ms = 400;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    HttpResponse response;
    response.body.resize(16'000'000, 'x');
    exchange->respond(std::move(response));
    // Longer than the timeout in all, but never without progress for so long.
    std::size_t bytes = 0;
    while (bytes < 16'000'000) {
        std::this_thread::sleep_for(milliseconds(60));
        const std::size_t count = client.drop_some();
        ASSERT_GT(count, 0U);
        bytes += count;
    }
    EXPECT_FALSE(exchange->closed());
}

TEST(HttpTimeouts, StreamWhoseClientDoesNotReadIsClosedAtTheLimit) {
    HttpOptions options;
    options.stream_buffer_bytes_max = 100'000;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    std::atomic<int> told{0};
    exchange->on_close([&] { ++told; });
    exchange->begin_stream(200, "text/plain", {});
    std::uint64_t accepted = 0;
    while (exchange->push(std::string(10'000, 'x')) == PushResult::kAccepted) {
        accepted += 10'000;
        ASSERT_LT(accepted, 100'000'000U);
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    EXPECT_GE(accepted, 100'000U);  // not before the limit
    EXPECT_TRUE(exchange->closed());
    EXPECT_EQ(told, 1);
    EXPECT_EQ(exchange->push("more"), PushResult::kClosed);
    // At once, not when the write timeout is up.
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }, milliseconds(2000)));
}

TEST(HttpTimeouts, StreamWhoseClientReadsMayBeLongerThanTheBuffer) {
    HttpOptions options;
    options.stream_buffer_bytes_max = 100'000;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, "text/plain", {});
    EXPECT_EQ(client.head().status, 200);
    for (int i = 0; i < 500; ++i) {
        ASSERT_EQ(exchange->push(std::string(10'000, 'x')), PushResult::kAccepted);
        std::size_t got = 0;
        while (got < 10'000) got += client.chunk()->size();
    }
    exchange->finish();
    EXPECT_EQ(client.chunk(), "");
}

TEST(HttpTimeouts, OneLargePieceAloneIsNoSlowness) {
    HttpOptions options;
    options.stream_buffer_bytes_max = 1000;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, "text/plain", {});
    EXPECT_EQ(exchange->push(std::string(50'000, 'x')), PushResult::kAccepted);
    exchange->finish();
    EXPECT_EQ(client.response().body.size(), 50'000U);
}

TEST(HttpTimeouts, ClientThatKeepsTheLastWordOpenIsClosed) {
    TestServer server;
    RawClient client = server.client();
    client.send("nonsense\r\n\r\n");
    EXPECT_EQ(client.response().status, 400);
    // Never closes its side.
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }, milliseconds(4000)));
}

}  // namespace
}  // namespace kvasir::test
