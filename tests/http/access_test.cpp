// Host, Origin and X-Request-Id over the wire.
#include <string>

#include <gmock/gmock.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

RawResponse ask(TestServer& server, const std::string& headers, const std::string& method = "GET") {
    RawClient client = server.client();
    client.send(method + " /a HTTP/1.1\r\n" + headers + "\r\n");
    return client.response();
}

TEST(HttpAccess, ForeignHostIsRefused) {
    TestServer server;
    const RawResponse foreign = ask(server, "Host: example.org\r\n");
    EXPECT_EQ(foreign.status, 403);
    EXPECT_THAT(foreign.body, HasSubstr("|/a"));
    EXPECT_EQ(ask(server, "Host: 127.0.0.1\r\n").status, 200);
}

TEST(HttpAccess, ForeignHostIsRefusedBeforeItsBodyIsRead) {
    TestServer server;
    EXPECT_EQ(
        ask(server, "Host: example.org\r\nContent-Length: 100\r\nExpect: 100-continue\r\n", "POST").status,
        403);
}

TEST(HttpAccess, AuthorityOfAnAbsoluteTargetIsCheckedToo) {
    TestServer server;
    RawClient client = server.client();
    client.send("GET http://example.org/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.response().status, 403);
}

TEST(HttpAccess, Http10WithoutHostIsRefused) {
    TestServer server;
    RawClient client = server.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.response().status, 403);
}

TEST(HttpAccess, AllowedHost) {
    HttpOptions options;
    options.hosts_allowed = {"kvasir.example.org"};
    TestServer server(options);
    EXPECT_EQ(ask(server, "Host: kvasir.example.org:80\r\n").status, 200);
    EXPECT_EQ(ask(server, "Host: other.example.org\r\n").status, 403);
}

TEST(HttpAccess, ForeignOriginIsRefused) {
    TestServer server;
    const std::string own = "localhost:" + std::to_string(server.port());
    const RawResponse foreign = ask(server, "Host: " + own + "\r\nOrigin: https://evil.example\r\n");
    EXPECT_EQ(foreign.status, 403);
    EXPECT_EQ(foreign.header("access-control-allow-origin"), "");
    EXPECT_EQ(ask(server, "Host: " + own + "\r\nOrigin: null\r\n").status, 403);
    const RawResponse same = ask(server, "Host: " + own + "\r\nOrigin: http://" + own + "\r\n");
    EXPECT_EQ(same.status, 200);
    EXPECT_EQ(same.header("access-control-allow-origin"), "");
}

TEST(HttpAccess, AllowedOriginGetsCorsHeaders) {
    HttpOptions options;
    options.origins_allowed = {"https://app.example"};
    TestServer server(options);
    const RawResponse response = ask(server, "Host: localhost\r\nOrigin: https://app.example\r\n");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("access-control-allow-origin"), "https://app.example");
    EXPECT_EQ(response.header("vary"), "Origin");
    EXPECT_EQ(ask(server, "Host: localhost\r\n").header("access-control-allow-origin"), "");
}

TEST(HttpAccess, PreflightIsAnsweredHere) {
    HttpOptions options;
    options.origins_allowed = {"https://app.example"};
    TestServer server(options);
    const std::string question =
        "Host: localhost\r\nAccess-Control-Request-Method: PUT\r\n"
        "Access-Control-Request-Headers: authorization, content-type\r\n";
    const RawResponse yes = ask(server, question + "Origin: https://app.example\r\n", "OPTIONS");
    EXPECT_EQ(yes.status, 204);
    EXPECT_EQ(yes.header("access-control-allow-origin"), "https://app.example");
    EXPECT_THAT(yes.header("access-control-allow-methods"), HasSubstr("PUT"));
    EXPECT_EQ(yes.header("access-control-allow-headers"), "authorization, content-type");
    EXPECT_EQ(ask(server, question + "Origin: https://evil.example\r\n", "OPTIONS").status, 403);
    // An OPTIONS that is no preflight is the handler's.
    EXPECT_EQ(ask(server, "Host: localhost\r\n", "OPTIONS").body, "OPTIONS /a\n\n");
}

TEST(HttpAccess, RequestIdIsTakenOverWhenUsable) {
    TestServer server;
    EXPECT_EQ(ask(server, "Host: localhost\r\nX-Request-Id: abc-1\r\n").header("x-request-id"), "abc-1");
    const std::string made =
        ask(server, "Host: localhost\r\nX-Request-Id: not usable\r\n").header("x-request-id");
    EXPECT_EQ(made.size(), 32U);
    EXPECT_EQ(ask(server, "Host: example.org\r\nX-Request-Id: abc-2\r\n").header("x-request-id"), "abc-2");
}

TEST(HttpAccess, RequestIdIsEchoedInRefusalsOfTheHeader) {
    TestServer server;
    const std::string headers = "Host: localhost\r\nX-Request-Id: abc-3\r\n";
    const RawResponse too_large = ask(server, headers + "Content-Length: 999999999999\r\n", "POST");
    EXPECT_EQ(too_large.status, 413);
    EXPECT_EQ(too_large.header("x-request-id"), "abc-3");
}

TEST(HttpAccess, HandlerSeesTheRequestIdOfTheResponse) {
    TestServer server;
    RawClient client = server.client();
    std::shared_ptr<HttpExchange> exchange = server.hold(client);
    const std::string id = exchange->request().request_id;
    exchange->respond({});
    EXPECT_EQ(client.response().header("x-request-id"), id);
}

}  // namespace
}  // namespace kvasir::test
