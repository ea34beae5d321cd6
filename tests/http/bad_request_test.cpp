// Malformed requests: each gets its status, the connection ends, and the handler never sees it.
#include <string>
#include <thread>

#include <gmock/gmock.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

struct BadRequest {
    const char* name;
    std::string bytes;
    int status;
};

std::string with_header(const std::string& header) {
    return "POST /bad HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n\r\n";
}

std::string with_nul(std::string text) {
    text[text.find('@')] = '\0';
    return text;
}

const BadRequest kBadRequests[] = {
    {"garbage", "\x16\x03\x01\x02garbage\r\n\r\n", 400},
    {"no target", "GET HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"no version", "GET /\r\nHost: localhost\r\n\r\n", 400},
    {"version 2.0", "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 400},
    {"version 1.9", "GET / HTTP/1.9\r\nHost: localhost\r\n\r\n", 400},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"bad method", "G(T / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"bare newline", "GET / HTTP/1.1\nHost: localhost\n\r\n\r\n", 400},
    {"authority target", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"asterisk target", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"relative target", "GET a HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"broken percent", "GET /a%2 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"broken percent digits", "GET /a%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"encoded newline", "GET /a%0Ab HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"encoded non-UTF-8", "GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"overlong slash", "GET /%c0%af HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"query broken percent", "GET /?a=%g0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"query NUL", "GET /?a=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"NUL in target", with_nul("GET /@ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400},
    {"NUL in header name", with_nul("GET / HTTP/1.1\r\nHost: localhost\r\nX@: 1\r\n\r\n"), 400},
    {"NUL in header value", with_nul("GET / HTTP/1.1\r\nHost: localhost\r\nX: @\r\n\r\n"), 400},
    {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two hosts", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
    {"header without colon", with_header("nonsense"), 400},
    {"folded field", with_header("X-More: a\r\n b"), 400},
    {"folded with a tab", with_header("X-More: a\r\n\tb"), 400},
    {"folded coding", with_header("Transfer-Encoding:\r\n chunked"), 400},
    {"space before colon", with_header("Content-Length : 3"), 400},
    {"negative length", with_header("Content-Length: -1"), 400},
    {"length with plus", with_header("Content-Length: +3"), 400},
    {"hexadecimal length", with_header("Content-Length: 0x3"), 400},
    {"length not a number", with_header("Content-Length: three"), 400},
    {"length beyond 64 bits", with_header("Content-Length: 99999999999999999999999"), 400},
    {"empty length", with_header("Content-Length: "), 400},
    {"two lengths", with_header("Content-Length: 3\r\nContent-Length: 4"), 400},
    {"list of lengths", with_header("Content-Length: 3, 4"), 400},
    {"length, then chunked", with_header("Content-Length: 3\r\nTransfer-Encoding: chunked"), 400},
    {"chunked, then length", with_header("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400},
    {"length and gzip", with_header("Transfer-Encoding: gzip\r\nContent-Length: 3"), 501},
    {"gzip, chunked", with_header("Transfer-Encoding: gzip, chunked"), 501},
    {"chunked twice", with_header("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400},
    {"chunked, chunked", with_header("Transfer-Encoding: chunked, chunked"), 501},
    {"not quite chunked", with_header("Transfer-Encoding: xchunked"), 501},
    {"identity", with_header("Transfer-Encoding: identity"), 501},
    {"tab before chunked",
     with_header("Transfer-Encoding:\x0b"
                 "chunked"),
     400},
    {"chunked in 1.0", "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"negative chunk", with_header("Transfer-Encoding: chunked") + "-5\r\nhello\r\n0\r\n\r\n", 400},
    {"chunk not hexadecimal", with_header("Transfer-Encoding: chunked") + "5g\r\nhello\r\n0\r\n\r\n", 400},
    {"chunk too long", with_header("Transfer-Encoding: chunked") + "5\r\nhello!!\r\n0\r\n\r\n", 400},
    {"chunk beyond 64 bits", with_header("Transfer-Encoding: chunked") + "ffffffffffffffff1\r\nhello", 400},
    {"chunk over the limit", with_header("Transfer-Encoding: chunked") + "ffffffffffffffff\r\nhello", 413},
    {"length in trailer", with_header("Transfer-Encoding: chunked") + "0\r\nContent-Length: 3\r\n\r\n", 400},
};

TEST(HttpBadRequests, EachIsRefusedAndTheConnectionEnds) {
    TestServer server;
    for (const BadRequest& bad : kBadRequests) {
        RawClient client = server.client();
        client.send(bad.bytes + get_request("/smuggled"));
        const RawResponse response = client.response();
        EXPECT_EQ(response.status, bad.status) << bad.name << ": " << response.body;
        EXPECT_EQ(response.header("connection"), "close") << bad.name;
        EXPECT_EQ(response.header("x-request-id").size(), 32U) << bad.name;
        EXPECT_THAT(response.body, StartsWith(std::to_string(bad.status) + "|")) << bad.name;
        EXPECT_EQ(client.read_until_closed(), "") << bad.name << ": what followed was answered";
    }
    EXPECT_EQ(server.server().open_exchanges(), 0U);
}

// The same check passes requests that are only unusual: else it would prove nothing.
TEST(HttpBadRequests, UnusualOnesAreServed) {
    TestServer server;
    const std::string unusual[] = {
        "GET /%41%2f%c3%a9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "BREW /pot HTTP/1.1\r\nhOsT:localhost\r\n\r\n",
        with_header("Content-Length: 3\r\nContent-Length: 3") + "abc",
        with_header("Transfer-Encoding: CHUNKED") + "A\r\n0123456789\r\n000\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: \xc3\xa9\r\n\r\n",
    };
    for (const std::string& request : unusual) {
        RawClient client = server.client();
        client.send(request + get_request("/smuggled"));
        EXPECT_EQ(client.response().status, 200) << request;
        EXPECT_EQ(client.response().body, "GET /smuggled\n\n") << request;
    }
}

TEST(HttpLimits, HeaderOfExactlyTheLimitPasses) {
    HttpOptions options;
    options.header_bytes_max = 4096;
    TestServer server(options);
    const std::string empty = get_request("/", "X: \r\n");
    for (const bool over : {false, true}) {
        RawClient client = server.client();
        const std::string value(4096 - empty.size() + (over ? 1 : 0), 'x');
        client.send(get_request("/", "X: " + value + "\r\n"));
        EXPECT_EQ(client.response().status, over ? 431 : 200);
    }
}

TEST(HttpLimits, HeaderThatNeverEndsIsCutAtTheLimit) {
    TestServer server;
    const std::string parts[] = {"GET /" + std::string(10'000'000, 'a'),
                                 "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(10'000'000, 'a')};
    for (const std::string& part : parts) {
        RawClient client = server.client();
        std::thread sender([&] { client.send(part); });
        const RawResponse response = client.response();
        EXPECT_EQ(response.status, 431);
        sender.join();
    }
    RawClient client = server.client();
    std::string many = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    for (int i = 0; i < 20'000; ++i) many += "a: b\r\n";
    std::thread sender([&] { client.send(many); });
    EXPECT_EQ(client.response().status, 431);
    sender.join();
}

TEST(HttpLimits, ChunkLineThatNeverEndsIsCut) {
    TestServer server;
    RawClient client = server.client();
    client.send(with_header("Transfer-Encoding: chunked") + "5;" + std::string(20'000, 'x'));
    EXPECT_EQ(client.response().status, 431);
}

// A few before a request are overlooked; whoever sends nothing else would hold a thread of ours for ever.
TEST(HttpLimits, EmptyLinesWithoutEndAreTheEnd) {
    TestServer server;
    RawClient polite = server.client();
    polite.send("\r\n\r\n" + get_request("/after-empty-lines"));
    EXPECT_EQ(polite.response().status, 200);
    RawClient client = server.client();
    std::string lines;
    for (int i = 0; i < 100'000; ++i) lines += "\r\n";
    std::thread sender([&] { client.send(lines); });
    EXPECT_TRUE(client.closed_within(std::chrono::milliseconds(5000)));
    sender.join();
}

TEST(HttpLimits, BodyIsRefusedFromItsLengthBeforeItIsSent) {
    HttpOptions options;
    options.body_bytes_max = 1000;
    TestServer server(options);
    RawClient client = server.client();
    client.send(with_header("Content-Length: 1001\r\nExpect: 100-continue"));
    const RawResponse response = client.response();  // not 100
    EXPECT_EQ(response.status, 413);
    EXPECT_THAT(response.body, EndsWith("|/bad"));
    RawClient good = server.client();
    good.send(with_header("Content-Length: 1000") + std::string(1000, 'b'));
    EXPECT_EQ(good.response().status, 200);
}

TEST(HttpLimits, ChunkedBodyIsCountedAsItComes) {
    HttpOptions options;
    options.body_bytes_max = 1000;
    TestServer server(options);
    const std::string chunk = "64\r\n" + std::string(100, 'c') + "\r\n";
    for (const int chunks : {10, 11}) {
        RawClient client = server.client();
        std::string request = with_header("Transfer-Encoding: chunked");
        for (int i = 0; i < chunks; ++i) request += chunk;
        client.send(request + "0\r\n\r\n");
        EXPECT_EQ(client.response().status, chunks == 10 ? 200 : 413);
    }
}

// The client is still sending when it is refused: closing at once would reset the connection and lose the
// answer.
TEST(HttpLimits, RefusalReachesAClientThatIsStillSending) {
    HttpOptions options;
    options.body_bytes_max = 1000;
    TestServer server(options);
    for (int i = 0; i < 20; ++i) {
        RawClient client = server.client();
        std::thread sender(
            [&] { client.send(with_header("Content-Length: 5000000") + std::string(5'000'000, 'b')); });
        EXPECT_EQ(client.response().status, 413);
        EXPECT_TRUE(client.ends_cleanly());
        sender.join();
    }
}

}  // namespace
}  // namespace kvasir::test
