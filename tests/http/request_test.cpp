// What a well-behaved client may do, and what it gets.
#include <string>

#include <gmock/gmock.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(HttpRequests, GetIsAnswered) {
    TestServer server;
    RawClient client = server.client();
    const RawResponse response = client.get("/a/b?x=1&y=two%20words+more&empty");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "GET /a/b\nx=1\ny=two words more\nempty=\n\n");
    EXPECT_EQ(response.header("server"), "kvasir");
    EXPECT_EQ(response.header("content-type"), "text/plain");
    EXPECT_EQ(response.header("connection"), "keep-alive");
    EXPECT_THAT(response.header("date"),
                MatchesRegex("[A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] [0-9]{4} .* GMT"));
    EXPECT_THAT(response.header("x-request-id"), MatchesRegex("[0-9a-f]{32}"));
}

TEST(HttpRequests, HandlerSeesHeadersInLowerCaseAndInOrder) {
    TestServer server;
    RawClient client = server.client();
    client.send("GET /held HTTP/1.1\r\nHost: localhost\r\nX-Two: b\r\nx-ONE:   a  \r\nX-Two: c\r\n\r\n");
    const std::shared_ptr<HttpExchange> exchange = server.next();
    const HttpHeaders expected = {{"host", "localhost"}, {"x-two", "b"}, {"x-one", "a"}, {"x-two", "c"}};
    EXPECT_EQ(exchange->request().headers, expected);
    EXPECT_EQ(exchange->request().header("x-two"), "b");
    EXPECT_EQ(exchange->request().header("x-none"), std::nullopt);
    EXPECT_EQ(exchange->request().socket, SocketKind::kTcp);
    exchange->respond({});
    EXPECT_EQ(client.response().status, 200);
}

TEST(HttpRequests, ConnectionIsKeptForManyRequests) {
    TestServer server;
    RawClient client = server.client();
    for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(client.get("/" + std::to_string(i)).body, "GET /" + std::to_string(i) + "\n\n");
    }
    EXPECT_EQ(server.server().open_connections(), 1U);
}

TEST(HttpRequests, ConnectionCloseIsHonoured) {
    TestServer server;
    RawClient client = server.client();
    const RawResponse response = client.get("/", "Connection: close\r\n");
    EXPECT_EQ(response.header("connection"), "close");
    EXPECT_TRUE(client.closed_within(std::chrono::milliseconds(1000)));
}

TEST(HttpRequests, PipelinedRequestsAreAnsweredInOrder) {
    TestServer server;
    RawClient client = server.client();
    std::string all;
    for (int i = 0; i < 100; ++i) all += get_request("/" + std::to_string(i));
    client.send(all);
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(client.response().body, "GET /" + std::to_string(i) + "\n\n");
    }
}

TEST(HttpRequests, PipelinedRequestWaitsForTheOneBefore) {
    TestServer server;
    RawClient client = server.client();
    client.send(get_request("/held/1") + get_request("/held/2"));
    const std::shared_ptr<HttpExchange> first = server.next();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(server.next(std::chrono::milliseconds(100)), nullptr);
    first->respond({});
    const std::shared_ptr<HttpExchange> second = server.next();
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->request().path, "/held/2");
    second->respond({});
    EXPECT_EQ(client.response().status, 200);
    EXPECT_EQ(client.response().status, 200);
}

// More than the server reads ahead: the rest must stay with the client, and not be lost.
TEST(HttpRequests, MuchPipelinedInputIsNotLost) {
    TestServer server;
    RawClient client = server.client();
    client.send(get_request("/held"));
    const std::shared_ptr<HttpExchange> held = server.next();
    std::string all;
    for (int i = 0; i < 2000; ++i) all += get_request("/" + std::to_string(i));
    client.send(all);
    held->respond({});
    EXPECT_EQ(client.response().status, 200);
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(client.response().body, "GET /" + std::to_string(i) + "\n\n");
    }
}

TEST(HttpRequests, HeadHasTheHeadersOfGetAndNoBody) {
    TestServer server;
    RawClient client = server.client();
    client.send("HEAD /abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const RawResponse response = client.response("HEAD");
    EXPECT_EQ(response.header("content-length"), "11");
    EXPECT_EQ(client.get("/next").body, "GET /next\n\n");  // nothing of a body stood in between
}

TEST(HttpRequests, BodyWithLength) {
    TestServer server;
    RawClient client = server.client();
    const std::string body(3'000'000, 'b');
    client.send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n");
    client.send(body);
    EXPECT_EQ(client.response().body, "POST /p\n\n" + body);
    EXPECT_EQ(client.get("/next").status, 200);
}

TEST(HttpRequests, ChunkedBodyWithExtensionsAndTrailers) {
    TestServer server;
    RawClient client = server.client();
    client.send(
        "POST /held HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Late: yes\r\n\r\n" +
        get_request("/next"));
    const std::shared_ptr<HttpExchange> exchange = server.next();
    ASSERT_NE(exchange, nullptr);
    EXPECT_EQ(exchange->request().body, "hello world");
    EXPECT_EQ(exchange->request().header("x-late"), std::nullopt);
    exchange->respond({});
    EXPECT_EQ(client.response().status, 200);
    EXPECT_EQ(client.response().body, "GET /next\n\n");
}

TEST(HttpRequests, EveryWayOfCuttingTheBytesIsTheSame) {
    TestServer server;
    const std::string request =
        "\r\nPOST /p?q=1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (std::size_t cut = 1; cut < request.size(); ++cut) {
        RawClient client = server.client();
        client.send(request.substr(0, cut));
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        client.send(request.substr(cut));
        ASSERT_EQ(client.response().body, "POST /p\nq=1\n\nabcde") << cut;
    }
    RawClient client = server.client();
    for (const char byte : request) client.send(std::string(1, byte));
    EXPECT_EQ(client.response().body, "POST /p\nq=1\n\nabcde");
}

TEST(HttpRequests, ExpectContinue) {
    TestServer server;
    RawClient client = server.client();
    client.send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.head().status, 100);
    client.send("body");
    EXPECT_EQ(client.response().body, "POST /p\n\nbody");
    // A body that is there already needs no invitation.
    client.send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.response().status, 200);
}

TEST(HttpRequests, ExpectationThatCannotBeMetIsRefused) {
    TestServer server;
    RawClient client = server.client();
    client.send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: miracles\r\n\r\n");
    EXPECT_EQ(client.response().status, 417);
}

TEST(HttpRequests, Http10ClosesUnlessAskedTo) {
    TestServer server;
    RawClient client = server.client();
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(client.response().header("connection"), "keep-alive");
    client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.response().header("connection"), "close");
    EXPECT_TRUE(client.closed_within(std::chrono::milliseconds(1000)));
}

TEST(HttpRequests, AbsoluteTarget) {
    TestServer server;
    RawClient client = server.client();
    client.send("GET http://localhost/a?b=c HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.response().body, "GET /a\nb=c\n\n");
}

TEST(HttpRequests, HalfClosedClientGetsAnAnswerThatWasBegun) {
    TestServer server;
    RawClient client = server.client();
    client.send(get_request("/a"));
    client.shutdown_send();
    EXPECT_EQ(client.response().body, "GET /a\n\n");
}

TEST(HttpResponses, LargeBodyArrivesWhole) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    HttpResponse response;
    response.body = std::string(20'000'000, 'x');
    response.body[12'345'678] = 'y';
    const std::string expected = response.body;
    exchange->respond(std::move(response));
    EXPECT_TRUE(client.response().body == expected);
}

TEST(HttpResponses, NoContentHasNoBodyAndNoLength) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    HttpResponse response;
    response.status = 204;
    response.body = "must not be sent";
    exchange->respond(std::move(response));
    const RawResponse got = client.response();
    EXPECT_EQ(got.status, 204);
    EXPECT_EQ(got.header("content-length"), "");
    EXPECT_EQ(client.get("/next").body, "GET /next\n\n");
}

// A value that came from elsewhere must not be able to write headers, or a second response.
TEST(HttpResponses, HeadersCannotBeSplit) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    HttpResponse response;
    response.headers = {
        {"X-Good", "1"}, {"X-Bad", "a\r\nX-Injected: 1"}, {"X Bad", "2"}, {"Content-Length", "0"}};
    response.body = "four";
    exchange->respond(std::move(response));
    const RawResponse got = client.response();
    EXPECT_EQ(got.header("x-good"), "1");
    EXPECT_EQ(got.header("x-injected"), "");
    EXPECT_EQ(got.header("x-bad"), "");
    EXPECT_EQ(got.header("content-length"), "4");
    EXPECT_EQ(got.body, "four");
}

TEST(HttpResponses, DroppedExchangeIsA500) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    exchange.reset();
    const RawResponse response = client.response();
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, HasSubstr("|/held"));
}

TEST(HttpResponses, ThrowingHandlerIsA500AndTheServerLives) {
    HttpHandler throwing = [](std::shared_ptr<HttpExchange>) { throw std::runtime_error("no"); };
    auto server = HttpServer::start({}, throwing, plain_error_form());
    ASSERT_TRUE(server);
    for (int i = 0; i < 3; ++i) {
        RawClient client = RawClient::tcp((*server)->port());
        EXPECT_EQ(client.get("/").status, 500);
    }
}

TEST(HttpResponses, ThrowingErrorFormIsReplaced) {
    HttpErrorForm form = [](int, std::string_view, std::string_view) -> HttpResponse {
        throw std::bad_alloc();
    };
    auto server = HttpServer::start(
        {}, [](std::shared_ptr<HttpExchange>) {}, form);
    ASSERT_TRUE(server);
    RawClient client = RawClient::tcp((*server)->port());
    EXPECT_EQ(client.get("/").status, 500);
}

TEST(HttpResponses, SecondAnswerIsIgnored) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    HttpResponse response;
    response.body = "first";
    exchange->respond(response);
    response.body = "second";
    exchange->respond(response);
    exchange->begin_stream(200, "text/plain", {});
    EXPECT_EQ(exchange->push("third"), PushResult::kClosed);
    EXPECT_EQ(client.response().body, "first");
    EXPECT_EQ(client.get("/next").body, "GET /next\n\n");
}

}  // namespace
}  // namespace kvasir::test
