// One line for each request that is over.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What is logged while `act` runs, at `level`.
template <class Act>
std::string logged(LogLevel level, Act act) {
    const LogLevel before = log_level();
    set_log_level(level);
    testing::internal::CaptureStderr();
    act();
    std::string text = testing::internal::GetCapturedStderr();
    set_log_level(before);
    return text;
}

void ask_for_some() {
    TestServer server;
    RawClient client = server.client();
    client.send(
        "GET /some%20where?key=secret HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r1\r\n"
        "Authorization: Bearer secret\r\n\r\n");
    client.response();
    client.send("POST /b HTTP/1.1\r\nHost: example.org\r\nX-Request-Id: r2\r\n\r\n");
    client.response();
    RawClient gone = server.client();
    const std::shared_ptr<HttpExchange> exchange = server.hold(gone);
    exchange->begin_stream(200, "text/event-stream", {});
    gone.head();
    gone.close();
    becomes_true([&] { return exchange->closed(); });
    server.destroy();  // all is over, and told
}

TEST(HttpAccessLog, TellsEveryRequestWhenItIsOver) {
    const std::string text = logged(LogLevel::kInfo, ask_for_some);
    EXPECT_THAT(text,
                HasSubstr("access id=r1 from=127.0.0.1 method='GET' path='/some where' status=200 bytes="));
    EXPECT_THAT(text, HasSubstr("access id=r2 from=127.0.0.1 method='POST' path='/b' status=403 bytes="));
    EXPECT_THAT(text, HasSubstr(" cut_off\n"));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
}

TEST(HttpAccessLog, IsSilentOtherwise) { EXPECT_EQ(logged(LogLevel::kWarning, ask_for_some), ""); }

}  // namespace
}  // namespace kvasir::test
