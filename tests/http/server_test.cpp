// Starting, stopping, and the limits of the whole server.
#include <atomic>
#include <chrono>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options) {
    return HttpServer::start(options, echo_handler(), plain_error_form());
}

ErrorCode start_error(const HttpOptions& options) {
    const auto server = start(options);
    return server ? ErrorCode::kIo : server.error().code;
}

TEST(HttpServerStart, PortInUseIsAConflictThatNamesIt) {
    TestServer first;
    HttpOptions options;
    options.port = first.port();
    const auto second = start(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(first.port())));
    first.server().stop();
    EXPECT_TRUE(start(options));
}

TEST(HttpServerStart, ForeignOrUnknownAddressesAreInvalid) {
    HttpOptions options;
    for (const char* host : {"192.0.2.1", "no-such-host.invalid", "300.1.1.1", "not a host"}) {
        options.host = host;
        EXPECT_EQ(start_error(options), ErrorCode::kInvalidArgument) << host;
    }
    options.host = "localhost";
    EXPECT_TRUE(start(options));
}

TEST(HttpServerStart, NonsenseIsInvalid) {
    HttpOptions nowhere;
    nowhere.host = "";
    EXPECT_EQ(start_error(nowhere), ErrorCode::kInvalidArgument);
    HttpOptions no_threads;
    no_threads.threads = 0;
    EXPECT_EQ(start_error(no_threads), ErrorCode::kInvalidArgument);
    HttpOptions no_time;
    no_time.write_timeout_ms = 0;
    EXPECT_EQ(start_error(no_time), ErrorCode::kInvalidArgument);
}

TEST(HttpServerLimits, ConnectionsOverTheLimitGet503) {
    HttpOptions options;
    options.connections_max = 2;
    TestServer server(options);
    RawClient first = server.client();
    RawClient second = server.client();
    const auto first_exchange = server.hold(first);
    const auto second_exchange = server.hold(second);
    RawClient third = server.client();
    third.send(get_request("/"));
    const RawResponse refusal = third.response();
    EXPECT_EQ(refusal.status, 503);
    EXPECT_EQ(refusal.header("connection"), "close");
    EXPECT_TRUE(third.closed_within(milliseconds(3000)));
    EXPECT_EQ(server.server().open_connections(), 2U);
    second.close();
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 1; }));
    RawClient fourth = server.client();
    EXPECT_EQ(fourth.get("/").status, 200);
    first_exchange->respond({200, "text/plain", {}, "late"});
    EXPECT_EQ(first.response().body, "late");
}

// In the order: who never asked, who is asking, who waits for nothing; never who is being answered.
TEST(HttpServerLimits, WhoWaitsMakesRoom) {
    HttpOptions options;
    options.connections_max = 4;
    TestServer server(options);
    RawClient served = server.client();
    EXPECT_EQ(served.get("/").status, 200);
    RawClient busy = server.client();
    const auto exchange = server.hold(busy);
    RawClient asking = server.client();
    asking.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nfour");
    RawClient silent = server.client();
    silent.send("GET / HTTP/1.1\r\n");
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 4; }));
    EXPECT_FALSE(asking.closed_within(milliseconds(200)));

    RawClient fifth = server.client();
    const auto fifth_exchange = server.hold(fifth);
    EXPECT_TRUE(silent.closed_within(milliseconds(3000)));
    RawClient sixth = server.client();
    const auto sixth_exchange = server.hold(sixth);
    EXPECT_TRUE(asking.closed_within(milliseconds(3000)));
    EXPECT_EQ(served.get("/").status, 200);
    RawClient seventh = server.client();
    const auto seventh_exchange = server.hold(seventh);
    EXPECT_TRUE(served.closed_within(milliseconds(3000)));
    EXPECT_EQ(server.client().get("/").status, 503);
    exchange->respond({200, "text/plain", {}, "done"});
    EXPECT_EQ(busy.response().body, "done");
}

// Crowds of three times as many clients as the server holds, and more that come all the time.
TEST(HttpServerLimits, ACrowdThatAsksForNothingKeepsNobodyOut) {
    for (const char* begin :
         {"", "GET / HTTP/1.1\r\nX-", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"}) {
        HttpOptions options;
        options.connections_max = 50;
        TestServer server(options);
        RawClient early = server.client();
        EXPECT_EQ(early.get("/").status, 200);
        std::vector<RawClient> crowd;
        const auto one_more = [&] {
            crowd.push_back(server.client());
            crowd.back().send(begin);
        };
        for (int i = 0; i < 150; ++i) one_more();
        for (int i = 0; i < 100; ++i) {
            one_more();
            RawClient late = server.client();
            ASSERT_EQ(late.get("/").status, 200) << begin << i;
            ASSERT_EQ(early.get("/").status, 200) << begin << i;
        }
        EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() <= 50; }));
        for (RawClient& one : crowd) one.close();
        early.close();
        EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }));
    }
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Without descriptors accept() fails at once, again and again: the server must neither spin nor give up.
TEST(HttpServerLimits, OutOfDescriptorsItPausesAndGoesOn) {
    TestServer server;
    RawClient early = server.client();
    EXPECT_EQ(early.get("/").status, 200);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    std::vector<int> fillers;  // all descriptors but one: that one is the client's
    rlimit tight = before;
    tight.rlim_cur = 64;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) fillers.push_back(fd);
    ::close(fillers.back());
    fillers.pop_back();
    RawClient waiting = server.client();
    const bool connected = waiting.connected() && waiting.send(get_request("/"));
    const double cpu_before = cpu_seconds();
    const RawResponse none = waiting.response("GET", milliseconds(500));
    const double cpu_used = cpu_seconds() - cpu_before;
    for (const int fd : fillers) ::close(fd);
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(connected);
    EXPECT_EQ(none.status, 0);
    EXPECT_LT(cpu_used, 0.2);
    EXPECT_EQ(waiting.response("GET", milliseconds(2000)).status, 200);
    EXPECT_EQ(early.get("/").status, 200);
}

TEST(HttpServerDrain, NoNewOnesButRunningOnesFinish) {
    TestServer server;
    RawClient idle = server.client();
    EXPECT_EQ(idle.get("/").status, 200);
    RawClient client = server.client();
    const std::shared_ptr<HttpExchange> exchange = server.hold(client);
    RawClient streaming = server.client();
    const std::shared_ptr<HttpExchange> stream = server.hold(streaming);
    stream->begin_stream(200, "text/plain", {});
    RawClient late = server.client();
    late.send("GET / HTTP/1.1\r\n");  // begun, not whole
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 4; }));
    std::this_thread::sleep_for(milliseconds(50));

    server.server().stop_accepting();
    EXPECT_FALSE(server.client().connected());
    EXPECT_TRUE(idle.closed_within(milliseconds(1000)));
    EXPECT_EQ(server.server().open_exchanges(), 2U);
    late.send("Host: localhost\r\n\r\n");
    EXPECT_EQ(late.response().status, 503);

    client.send(get_request("/after"));  // pipelined behind the running one: not served
    exchange->respond({});
    EXPECT_EQ(client.response().header("connection"), "close");
    EXPECT_EQ(client.read_until_closed(), "");
    EXPECT_EQ(stream->push("still"), PushResult::kAccepted);
    stream->finish();
    EXPECT_EQ(streaming.response().body, "still");
    EXPECT_TRUE(becomes_true([&] { return server.server().open_exchanges() == 0; }));
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }, milliseconds(4000)));
}

TEST(HttpServerStop, TellsRunningExchangesAndIsIdempotent) {
    TestServer server;
    RawClient client = server.client();
    const std::shared_ptr<HttpExchange> exchange = server.hold(client);
    RawClient streaming = server.client();
    const std::shared_ptr<HttpExchange> stream = server.hold(streaming);
    stream->begin_stream(200, "text/event-stream", {});
    std::atomic<int> told{0};
    exchange->on_close([&] { ++told; });
    stream->on_close([&] { ++told; });
    server.server().stop();
    EXPECT_EQ(told, 2);
    EXPECT_EQ(server.server().open_exchanges(), 0U);
    EXPECT_EQ(server.server().open_connections(), 0U);
    server.server().stop();
    server.server().stop_accepting();
    EXPECT_TRUE(client.closed_within(milliseconds(1000)));
}

TEST(HttpServerStop, ExchangesOutliveTheServer) {
    std::shared_ptr<HttpExchange> unanswered;
    std::shared_ptr<HttpExchange> stream;
    {
        TestServer server;
        RawClient client = server.client();
        unanswered = server.hold(client);
        RawClient streaming = server.client();
        stream = server.hold(streaming);
        stream->begin_stream(200, "text/plain", {});
        stream->push("x");
        server.destroy();
    }
    EXPECT_EQ(unanswered->request().path, "/held");
    EXPECT_TRUE(unanswered->closed());
    unanswered->respond({});
    EXPECT_EQ(stream->push("x"), PushResult::kClosed);
    stream->finish();
    bool told = false;
    stream->on_close([&] { told = true; });
    EXPECT_TRUE(told);
}

// Clients hammer, threads push into streams, and the server goes away under them.
TEST(HttpServerStop, UnderLoad) {
    for (int round = 0; round < 5; ++round) {
        TestServer server;
        const std::uint16_t port = server.port();
        std::atomic<bool> over{false};
        std::atomic<int> answers{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                while (!over) {
                    RawClient client = RawClient::tcp(port);
                    while (client.connected() && client.get("/x").status == 200) ++answers;
                }
            });
            threads.emplace_back([&] {
                while (!over) {
                    RawClient client = RawClient::tcp(port);
                    if (client.connected()) client.send(get_request("/held"));
                    client.drop_some(milliseconds(20));
                }
            });
            threads.emplace_back([&] {
                while (!over) {
                    const std::shared_ptr<HttpExchange> exchange = server.next(milliseconds(20));
                    if (!exchange) continue;
                    exchange->begin_stream(200, "text/event-stream", {});
                    while (!over && exchange->push("data: x\n\n") == PushResult::kAccepted)
                        std::this_thread::yield();
                }
            });
        }
        EXPECT_TRUE(becomes_true([&] { return answers > 100; }));
        server.server().stop();
        EXPECT_EQ(server.server().open_connections(), 0U);
        over = true;
        for (std::thread& thread : threads) thread.join();
    }
}

}  // namespace
}  // namespace kvasir::test
