// TLS: the pair of files is checked at start, and requests, streams and endings work as without.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// TLS over a connected RawClient; blocking, with a receive timeout on the socket.
class TlsClient {
  public:
    explicit TlsClient(std::uint16_t port, int version_max = 0)
        : client_(RawClient::tcp(port)), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
        if (version_max != 0) {
            SSL_CTX_set_security_level(context_.get(), 0);
            SSL_CTX_set_max_proto_version(context_.get(), version_max);
        }
        ssl_.reset(SSL_new(context_.get()), SSL_free);
        SSL_set_fd(ssl_.get(), client_.fd());
        connected_ = SSL_connect(ssl_.get()) == 1;
    }

    bool connected() const { return connected_; }
    void send(std::string_view text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
    std::string read_until(std::string_view mark) {
        std::string text;
        char byte = 0;
        while (!text.ends_with(mark) && SSL_read(ssl_.get(), &byte, 1) == 1) text.push_back(byte);
        return text;
    }
    // True when the server said goodbye as TLS wants it, and did not just drop the connection.
    bool ended_by_goodbye() {
        char byte = 0;
        const int got = SSL_read(ssl_.get(), &byte, 1);
        return SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
    }
    RawClient& raw() { return client_; }

  private:
    RawClient client_;
    std::shared_ptr<SSL_CTX> context_;
    std::shared_ptr<SSL> ssl_;
    bool connected_ = false;
};

class HttpTls : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "tls_XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        make_pair("a");
        options_.tls_certificate_path = folder_ + "/a.crt";
        options_.tls_key_path = folder_ + "/a.key";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void make_pair(const std::string& name) const {
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
            "/CN=localhost -keyout " +
            folder_ + "/" + name + ".key -out " + folder_ + "/" + name + ".crt 2>/dev/null";
        ASSERT_EQ(std::system(command.c_str()), 0);
    }

    Error start_error() const {
        auto server = HttpServer::start(options_, echo_handler(), plain_error_form());
        return server ? Error{ErrorCode::kIo, "started"} : server.error();
    }

    std::string folder_;
    HttpOptions options_;
};

TEST_F(HttpTls, RequestsAreServed) {
    TestServer server(options_);
    TlsClient client(server.port());
    ASSERT_TRUE(client.connected());
    for (int i = 0; i < 3; ++i) {
        client.send(get_request("/a"));
        EXPECT_THAT(client.read_until("GET /a\n\n"), StartsWith("HTTP/1.1 200"));
    }
    client.send(get_request("/b", "Connection: close\r\n"));
    EXPECT_THAT(client.read_until("GET /b\n\n"), HasSubstr("Connection: close"));
    EXPECT_TRUE(client.ended_by_goodbye());
}

TEST_F(HttpTls, LargeBodiesBothWays) {
    TestServer server(options_);
    TlsClient client(server.port());
    const std::string body(2'000'000, 'b');
    client.send("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000001\r\n\r\n" + body);
    client.send("!");
    EXPECT_GT(client.read_until("b!").size(), body.size());
}

TEST_F(HttpTls, StreamsAndDisconnects) {
    TestServer server(options_);
    TlsClient client(server.port());
    client.send(get_request("/held"));
    const std::shared_ptr<HttpExchange> exchange = server.next();
    ASSERT_NE(exchange, nullptr);
    exchange->begin_stream(200, "text/event-stream", {});
    exchange->push("data: 1\n\n");
    EXPECT_THAT(client.read_until("data: 1\n\n"), HasSubstr("text/event-stream"));
    EXPECT_FALSE(exchange->closed());
    client.raw().close();
    EXPECT_TRUE(becomes_true([&] { return exchange->closed(); }, milliseconds(1000)));
}

TEST_F(HttpTls, OldVersionsAndPlainTextAreRefused) {
    TestServer server(options_);
    EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected());
    EXPECT_TRUE(TlsClient(server.port(), TLS1_2_VERSION).connected());
    RawClient plain = server.client();
    plain.send(get_request("/"));
    EXPECT_THAT(plain.read_until_closed(), ::testing::Not(HasSubstr("HTTP/1.1")));
}

TEST_F(HttpTls, HandshakeThatNeverEndsIsCutOff) {
    options_.request_timeout_ms = 300;
    TestServer server(options_);
    RawClient client = server.client();
    client.send("\x16\x03\x01");
    EXPECT_TRUE(client.closed_within(milliseconds(4000)));
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }));
}

TEST_F(HttpTls, StopWithOpenConnections) {
    TestServer server(options_);
    TlsClient client(server.port());
    client.send(get_request("/held"));
    const std::shared_ptr<HttpExchange> exchange = server.next();
    RawClient shaking = server.client();
    shaking.send("\x16");
    server.server().stop();
    EXPECT_TRUE(exchange->closed());
}

TEST_F(HttpTls, FilesThatDoNotFitAreNamed) {
    make_pair("b");
    options_.tls_key_path = folder_ + "/b.key";
    EXPECT_EQ(start_error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(start_error().message, HasSubstr("does not belong"));

    options_.tls_key_path = folder_ + "/none.key";
    EXPECT_THAT(start_error().message, HasSubstr("none.key"));
    options_.tls_key_path = "";
    EXPECT_THAT(start_error().message, HasSubstr("both"));

    options_.tls_key_path = folder_ + "/a.key";
    options_.tls_certificate_path = folder_ + "/none.crt";
    EXPECT_THAT(start_error().message, HasSubstr("none.crt"));
    std::ofstream(folder_ + "/bad.crt") << "not a certificate";
    options_.tls_certificate_path = folder_ + "/bad.crt";
    EXPECT_EQ(start_error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(start_error().message, HasSubstr("bad.crt"));

    options_.tls_certificate_path = folder_ + "/a.crt";
    EXPECT_EQ(start_error().message, "started");  // the right pair
}

TEST_F(HttpTls, KeyWithAPasswordDoesNotAskForIt) {
    const std::string command = "openssl pkey -aes256 -passout pass:secret -in " + folder_ + "/a.key -out " +
                                folder_ + "/locked.key 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
    options_.tls_key_path = folder_ + "/locked.key";
    EXPECT_EQ(start_error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(start_error().message, HasSubstr("password"));
}

}  // namespace
}  // namespace kvasir::test
