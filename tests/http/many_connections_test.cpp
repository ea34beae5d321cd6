// Thousands of idle event streams: few threads, little memory, and room for others.
#include <chrono>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "base/process_memory.h"
#include "http/raw_client.h"
#include "http/test_server.h"

namespace kvasir::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // memory is not what it is without
constexpr std::size_t kStreams = 1000;
#else
constexpr bool kSanitized = false;
constexpr std::size_t kStreams = 3000;
#endif
constexpr std::uint64_t kBytesMax = 24 * 1024 * 1024;

std::size_t thread_count() {
    if (!std::filesystem::exists("/proc/self/task")) return 0;  // the system does not tell
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

bool allow_descriptors(rlim_t count) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= count) return true;
    limit.rlim_cur = std::min(count, limit.rlim_max);
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= count;
}

struct Stream {
    RawClient client;
    std::shared_ptr<HttpExchange> exchange;
};

std::vector<Stream> open_streams(TestServer& server, std::size_t count) {
    std::vector<Stream> streams;
    streams.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        RawClient client = server.client();
        std::shared_ptr<HttpExchange> exchange = server.hold(client);
        exchange->begin_stream(200, "text/event-stream", {});
        EXPECT_EQ(client.head().status, 200);
        exchange->push("data: hello\n\n");
        EXPECT_EQ(client.chunk(), "data: hello\n\n");
        streams.push_back(Stream{std::move(client), std::move(exchange)});
    }
    return streams;
}

TEST(HttpManyConnections, IdleStreamsAreCheap) {
    if (!allow_descriptors(2 * kStreams + 100)) GTEST_SKIP() << "the limit of open files is too low";
    HttpOptions options;
    options.stream_comment_ms = 0;  // a slow machine takes longer to open them all
    TestServer server(options);
    open_streams(server, 10).clear();  // what is needed once is not counted
    EXPECT_TRUE(becomes_true([&] { return server.server().open_connections() == 0; }));
    const std::size_t threads = thread_count();
    const std::uint64_t bytes_before = process_resident_bytes();
    std::vector<Stream> streams = open_streams(server, kStreams);
    const std::uint64_t bytes = process_resident_bytes() - bytes_before;
    EXPECT_EQ(thread_count(), threads);
    EXPECT_EQ(server.server().open_exchanges(), kStreams);
    EXPECT_GT(bytes, 0U);
    EXPECT_LT(bytes, kSanitized ? UINT64_MAX : kBytesMax);
    RecordProperty("bytes_per_stream", std::to_string(bytes / kStreams));

    RawClient other = server.client();
    EXPECT_EQ(other.get("/").status, 200);
    for (Stream& stream : streams) stream.exchange->push("data: all\n\n");
    for (Stream& stream : streams) ASSERT_EQ(stream.client.chunk(), "data: all\n\n");
    for (Stream& stream : streams) stream.client.close();
    EXPECT_TRUE(becomes_true([&] { return server.server().open_exchanges() == 0; }));
    for (Stream& stream : streams) ASSERT_TRUE(stream.exchange->closed());
}

}  // namespace
}  // namespace kvasir::test
