// The unix socket: who may use it, and what lies in its place.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

class HttpUnixSocket : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "http_XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        options_.host = "";
        options_.unix_path = folder_ + "/socket";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    Result<std::unique_ptr<HttpServer>> start() const {
        return HttpServer::start(options_, echo_handler(), plain_error_form());
    }

    std::string folder_;
    HttpOptions options_;
};

TEST_F(HttpUnixSocket, IsOfItsOwnerOnlyAndGoesAtTheEnd) {
    {
        TestServer server(options_);
        EXPECT_EQ(server.port(), 0);
        struct stat status {};
        ASSERT_EQ(::stat(options_.unix_path.c_str(), &status), 0);
        EXPECT_TRUE(S_ISSOCK(status.st_mode));
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
        RawClient client = RawClient::unix_socket(options_.unix_path);
        EXPECT_EQ(client.get("/a").body, "GET /a\n\n");
    }
    EXPECT_FALSE(std::filesystem::exists(options_.unix_path));
}

TEST_F(HttpUnixSocket, HostAndOriginAreNotChecked) {
    TestServer server(options_);
    RawClient client = RawClient::unix_socket(options_.unix_path);
    client.send("GET /held HTTP/1.1\r\nHost: example.org\r\nOrigin: https://evil.example\r\n\r\n");
    const std::shared_ptr<HttpExchange> exchange = server.next();
    ASSERT_NE(exchange, nullptr);
    EXPECT_EQ(exchange->request().socket, SocketKind::kUnix);
    exchange->respond({});
    EXPECT_EQ(client.response().status, 200);
}

TEST_F(HttpUnixSocket, BesideTcp) {
    options_.host = "127.0.0.1";
    TestServer server(options_);
    RawClient local = RawClient::unix_socket(options_.unix_path);
    RawClient tcp = server.client();
    EXPECT_EQ(local.get("/").status, 200);
    EXPECT_EQ(tcp.get("/").status, 200);
    EXPECT_EQ(tcp.get("/", "Origin: https://evil.example\r\n").status, 403);
}

// No TCP beneath that would notice on its own.
TEST_F(HttpUnixSocket, ReaderThatTakesNothingIsCutOff) {
    options_.write_timeout_ms = 300;
    TestServer server(options_);
    RawClient client = RawClient::unix_socket(options_.unix_path);
    const std::shared_ptr<HttpExchange> exchange = server.hold(client);
    HttpResponse response;
    response.body.resize(16'000'000, 'x');
    exchange->respond(std::move(response));
    EXPECT_FALSE(becomes_true([&] { return exchange->closed(); }, std::chrono::milliseconds(150)));
    EXPECT_TRUE(becomes_true([&] { return exchange->closed(); }, std::chrono::milliseconds(1500)));
}

TEST_F(HttpUnixSocket, StaleOneIsReplaced) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options_.unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address),
              0);
    ::close(fd);  // as after a crash: the file stays
    ASSERT_TRUE(std::filesystem::exists(options_.unix_path));
    const auto server = start();
    ASSERT_TRUE(server) << server.error().message;
    RawClient client = RawClient::unix_socket(options_.unix_path);
    EXPECT_EQ(client.get("/").status, 200);
}

TEST_F(HttpUnixSocket, LivingOneIsAConflictAndStays) {
    TestServer first(options_);
    const auto second = start();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr(options_.unix_path));
    RawClient client = RawClient::unix_socket(options_.unix_path);
    EXPECT_EQ(client.get("/").status, 200);
}

TEST_F(HttpUnixSocket, OtherFilesAreLeftAlone) {
    std::ofstream(options_.unix_path) << "precious";
    const auto server = start();
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(std::filesystem::file_size(options_.unix_path), 8U);
}

TEST_F(HttpUnixSocket, FileThatReplacedItIsNotRemoved) {
    {
        TestServer server(options_);
        std::filesystem::remove(options_.unix_path);
        std::ofstream(options_.unix_path) << "another's";
    }
    EXPECT_TRUE(std::filesystem::exists(options_.unix_path));
}

TEST_F(HttpUnixSocket, UnusablePathsAreInvalid) {
    for (const std::string& path : {folder_ + "/none/socket", folder_ + "/" + std::string(200, 'x')}) {
        options_.unix_path = path;
        const auto server = start();
        ASSERT_FALSE(server);
        EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
    }
}

}  // namespace
}  // namespace kvasir::test
