// Streams: order, framing, comments, and clients that go away.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using std::chrono::milliseconds;

constexpr const char* kEvents = "text/event-stream; charset=utf-8";

TEST(HttpStreams, HeadAndPiecesArriveAtOnce) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, kEvents, {{"Cache-Control", "no-cache"}});
    const RawResponse head = client.head(milliseconds(1000));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("content-type"), kEvents);
    EXPECT_EQ(head.header("cache-control"), "no-cache");
    EXPECT_EQ(head.header("transfer-encoding"), "chunked");
    EXPECT_EQ(head.header("content-length"), "");
    for (const char* piece : {"data: 1\n\n", "data: 2\n\n"}) {
        EXPECT_EQ(exchange->push(piece), PushResult::kAccepted);
        EXPECT_EQ(client.chunk(milliseconds(1000)), piece);
    }
    EXPECT_EQ(exchange->push(""), PushResult::kAccepted);  // an empty chunk would be the end
    EXPECT_EQ(exchange->push("x"), PushResult::kAccepted);
    EXPECT_EQ(client.chunk(), "x");
    exchange->finish();
    EXPECT_EQ(client.chunk(), "");
    EXPECT_EQ(exchange->push("late"), PushResult::kClosed);
    EXPECT_EQ(client.get("/next").body, "GET /next\n\n");
}

// A long answer is made as fast as its client reads: the next piece when the last one is on its way.
TEST(HttpStreams, TellWhenAllIsOnItsWay) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, "application/octet-stream", {});
    std::atomic<int> called{0};
    exchange->when_sent([&] { ++called; });
    EXPECT_EQ(called.load(), 1) << "nothing waits";
    const std::string piece(100'000, 'x');
    constexpr int kPieces = 50;
    std::atomic<int> pushed{0};
    std::function<void()> next = [&] {
        if (pushed.load() == kPieces) return exchange->finish();
        ++pushed;
        EXPECT_EQ(exchange->push(piece), PushResult::kAccepted);
        exchange->when_sent(next);
    };
    next();
    EXPECT_EQ(client.response().body.size(), piece.size() * kPieces);
    EXPECT_EQ(pushed.load(), kPieces);
}

TEST(HttpStreams, TellNobodyWhoseClientWentAway) {
    TestServer server;
    std::shared_ptr<HttpExchange> exchange;
    std::weak_ptr<int> kept;
    {
        RawClient client = server.client();
        exchange = server.hold(client);
        exchange->begin_stream(200, "application/octet-stream", {});
        auto token = std::make_shared<int>(1);
        kept = token;
        // More than the system's buffers take, so that some of it waits.
        while (exchange->push(std::string(900'000, 'x')) == PushResult::kAccepted) {
            bool at_once = false;
            exchange->when_sent([&at_once, token] { at_once = *token == 1; });
            std::this_thread::sleep_for(milliseconds(20));
            if (!at_once) break;
        }
    }
    for (int i = 0; i < 500 && !kept.expired(); ++i) std::this_thread::sleep_for(milliseconds(10));
    EXPECT_TRUE(kept.expired()) << "what the callback held is let go";
}

// Each thread's pieces stay whole and in that thread's order.
TEST(HttpStreams, PushesFromManyThreadsKeepTheirOrder) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, "text/plain", {});
    constexpr int kThreads = 8;
    constexpr int kPieces = 2000;
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&exchange, t] {
            for (int i = 0; i < kPieces; ++i)
                exchange->push(std::to_string(t) + ":" + std::to_string(i) + "\n");
        });
    }
    std::thread finisher([&exchange, &threads] {
        for (std::thread& thread : threads) thread.join();
        exchange->finish();
    });
    const std::string body = client.response().body;
    finisher.join();
    std::vector<int> next(kThreads, 0);
    std::size_t at = 0;
    for (int i = 0; i < kThreads * kPieces; ++i) {
        const std::size_t end = body.find('\n', at);
        ASSERT_NE(end, std::string::npos);
        const int thread = body[at] - '0';
        ASSERT_EQ(body.substr(at + 2, end - at - 2),
                  std::to_string(next.at(static_cast<std::size_t>(thread))++));
        at = end + 1;
    }
    EXPECT_EQ(at, body.size());
}

TEST(HttpStreams, OneThreadIsEnough) {
    HttpOptions options;
    options.threads = 1;
    TestServer server(options);
    std::vector<RawClient> clients;
    std::vector<std::shared_ptr<HttpExchange>> exchanges;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(server.client());
        exchanges.push_back(server.hold(clients.back()));
        exchanges.back()->begin_stream(200, "text/plain", {});
    }
    for (const auto& exchange : exchanges) exchange->push("x");
    for (const auto& exchange : exchanges) exchange->finish();
    for (RawClient& client : clients) EXPECT_EQ(client.response().body, "x");
}

TEST(HttpStreams, CommentsWhileNothingIsPushed) {
    HttpOptions options;
    options.stream_comment_ms = 400;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, kEvents, {});
    client.head();
    EXPECT_EQ(client.chunk(milliseconds(5000)), ": keep-alive\n\n");
    EXPECT_EQ(client.chunk(milliseconds(5000)), ": keep-alive\n\n");
    exchange->push("data: 1\n\n");
    EXPECT_EQ(client.chunk(), "data: 1\n\n");
    EXPECT_EQ(client.chunk(milliseconds(5000)), ": keep-alive\n\n");
    // Pushes put it off.
    for (int i = 0; i < 10; ++i) {
        exchange->push("data: 2\n\n");
        ASSERT_EQ(client.chunk(), "data: 2\n\n");
        std::this_thread::sleep_for(milliseconds(30));
    }
}

TEST(HttpStreams, AStreamKeepsItselfAliveInItsOwnWords) {
    HttpOptions options;
    options.stream_comment_ms = 50;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->keep_alive_with("event: ping\n\n");
    exchange->begin_stream(200, kEvents, {});
    client.head();
    EXPECT_EQ(client.chunk(milliseconds(1500)), "event: ping\n\n");
    EXPECT_EQ(client.chunk(milliseconds(1500)), "event: ping\n\n");
}

TEST(HttpStreams, NoCommentsInOtherTypes) {
    HttpOptions options;
    options.stream_comment_ms = 50;
    TestServer server(options);
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, "application/x-ndjson", {});
    client.head();
    EXPECT_EQ(client.chunk(milliseconds(400)), std::nullopt);
}

TEST(HttpStreams, Http10StreamEndsByClosing) {
    TestServer server;
    RawClient client = server.client();
    client.send("GET /held HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
    const std::shared_ptr<HttpExchange> exchange = server.next();
    exchange->begin_stream(200, "text/plain", {});
    exchange->push("abc");
    exchange->push("def");
    exchange->finish();
    const RawResponse head = client.head();
    EXPECT_EQ(head.header("transfer-encoding"), "");
    EXPECT_EQ(head.header("connection"), "close");
    EXPECT_EQ(client.read_until_closed(), "abcdef");
}

TEST(HttpStreams, HeadOfAStreamHasNoBody) {
    TestServer server;
    RawClient client = server.client();
    client.send("HEAD /held HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::shared_ptr<HttpExchange> exchange = server.next();
    exchange->begin_stream(200, kEvents, {});
    EXPECT_EQ(client.response("HEAD").status, 200);
    EXPECT_TRUE(becomes_true([&] { return exchange->push("data") == PushResult::kClosed; }));
    exchange->finish();
    EXPECT_EQ(client.get("/next").body, "GET /next\n\n");
}

// The client must be able to tell a broken stream from a finished one.
TEST(HttpStreams, DroppedStreamEndsWithoutTheLastChunk) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->begin_stream(200, "text/plain", {});
    exchange->push("part");
    client.head();
    EXPECT_EQ(client.chunk(), "part");
    exchange.reset();
    EXPECT_EQ(client.read_until_closed(milliseconds(1000)), "");
}

enum class Leave { kClose, kReset, kHalfClose };
enum class Moment { kBeforeAnswer, kWhileStreaming };

class HttpDisconnects : public ::testing::TestWithParam<std::tuple<Leave, Moment>> {};

TEST_P(HttpDisconnects, AreToldWithinASecond) {
    const Leave leave = std::get<0>(GetParam());
    const Moment moment = std::get<1>(GetParam());
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    std::atomic<int> told{0};
    exchange->on_close([&] { ++told; });
    exchange->on_close([&] { ++told; });
    if (moment == Moment::kWhileStreaming) {
        exchange->begin_stream(200, kEvents, {});
        EXPECT_EQ(client.head().status, 200);
    }
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_EQ(told, 0);
    EXPECT_FALSE(exchange->closed());
    if (leave == Leave::kClose) client.close();
    if (leave == Leave::kReset) client.reset();
    if (leave == Leave::kHalfClose) client.shutdown_send();
    EXPECT_TRUE(becomes_true([&] { return told == 2; }, milliseconds(1000)));
    EXPECT_TRUE(exchange->closed());
    exchange->on_close([&] { ++told; });  // late: at once
    EXPECT_EQ(told, 3);
    EXPECT_EQ(exchange->push("x"), PushResult::kClosed);
    EXPECT_TRUE(becomes_true([&] { return server.server().open_exchanges() == 0; }, milliseconds(1000)));
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }, milliseconds(1000)));
    EXPECT_EQ(told, 3);
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpDisconnects,
    ::testing::Combine(::testing::Values(Leave::kClose, Leave::kReset, Leave::kHalfClose),
                       ::testing::Values(Moment::kBeforeAnswer, Moment::kWhileStreaming)));

// The other half of the promise: a client that has had its answer did not go away too early.
TEST(HttpDisconnect, AfterTheAnswerIsNotTold) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    std::atomic<bool> told{false};
    exchange->on_close([&] { told = true; });
    exchange->respond({});
    EXPECT_EQ(client.response().status, 200);
    client.close();
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }));
    EXPECT_FALSE(told);
    EXPECT_FALSE(exchange->closed());
}

TEST(HttpDisconnect, CallbackMayUseTheExchange) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    std::atomic<bool> done{false};
    exchange->on_close([&done, raw = exchange.get()] {
        raw->respond({});
        raw->finish();
        raw->on_close([&done] { done = true; });
    });
    client.close();
    EXPECT_TRUE(becomes_true([&] { return done.load(); }, milliseconds(1000)));
}

TEST(HttpDisconnect, ThrowingCallbackHarmsNobody) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange->on_close([] { throw std::runtime_error("no"); });
    client.close();
    EXPECT_TRUE(becomes_true([&] { return exchange->closed(); }, milliseconds(1000)));
    RawClient next = server.client();
    EXPECT_EQ(next.get("/").status, 200);
}

}  // namespace
}  // namespace kvasir::test
