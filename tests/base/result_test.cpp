// Error codes have stable names, the macros pass errors on, and lines of the log stay lines.
#include "base/result.h"

#include <set>
#include <string>

#include <gmock/gmock.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process_memory.h"

namespace kvasir::test {
namespace {

TEST(ResultTest, EveryCodeHasItsOwnName) {
    std::set<std::string> names;
    const int last = static_cast<int>(ErrorCode::kUnavailable);
    for (int code = 0; code <= last; ++code) names.insert(to_string(static_cast<ErrorCode>(code)));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(last) + 1);
    EXPECT_FALSE(names.contains("unknown"));
    EXPECT_STREQ(to_string(ErrorCode::kNotFound), "not_found");
}

Result<int> half_of(int value) {
    if (value % 2 != 0) return fail(ErrorCode::kInvalidArgument, "odd");
    return value / 2;
}

Result<int> quarter_of(int value) {
    KVASIR_TRY_ASSIGN(const int half, half_of(value));
    KVASIR_TRY_ASSIGN(const int quarter, half_of(half));
    return quarter;
}

Status must_be_even(int value, int& seen) {
    KVASIR_TRY(half_of(value));
    seen = value;
    return {};
}

TEST(ResultTest, TryPassesValuesAndErrors) {
    EXPECT_EQ(quarter_of(8).value(), 2);
    ASSERT_FALSE(quarter_of(6));
    EXPECT_EQ(quarter_of(6).error().message, "odd");
    int seen = 0;
    EXPECT_FALSE(must_be_even(3, seen));
    EXPECT_EQ(seen, 0) << "what follows a failed try must not run";
    EXPECT_TRUE(must_be_even(4, seen));
    EXPECT_EQ(seen, 4);
}

class LogTest : public ::testing::Test {
  protected:
    void TearDown() override { set_log_level(LogLevel::kWarning); }
};

TEST_F(LogTest, IsQuietBelowItsLevel) {
    for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
        set_log_level(level);
        EXPECT_EQ(log_level(), level);
        ::testing::internal::CaptureStderr();
        log(LogLevel::kInfo, "event", "key=value");
        const std::string written = ::testing::internal::GetCapturedStderr();
        EXPECT_EQ(written.empty(), level > LogLevel::kInfo) << written;
    }
    set_log_level(LogLevel::kOff);
    ::testing::internal::CaptureStderr();
    log(LogLevel::kError, "event");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(LogTest, OneEventIsOneLineWhateverItQuotes) {
    ::testing::internal::CaptureStderr();
    log(LogLevel::kError, "event", "name=x\n2026-01-01 error forged\r\x1b[2J {} {0} %s");
    const std::string written = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 1) << written;
    EXPECT_EQ(written.find('\x1b'), std::string::npos);
    EXPECT_THAT(written, ::testing::HasSubstr("error event name=x 2026-01-01 error forged"));
    EXPECT_THAT(written, ::testing::HasSubstr("{} {0} %s"));
}

TEST(ClockTest, TellsTheTimeOfDayAndNeverGoesBack) {
    const Clock& clock = system_clock();
    EXPECT_GT(clock.unix_ms(), 1'700'000'000'000);
    std::int64_t last = clock.monotonic_us();
    for (int i = 0; i < 1000; ++i) {
        const std::int64_t now = clock.monotonic_us();
        ASSERT_GE(now, last);
        last = now;
    }
}

TEST(ProcessMemoryTest, GrowsWithWhatTheProcessHolds) {
    const std::uint64_t before = process_resident_bytes();
    ASSERT_GT(before, 0u);
    constexpr std::size_t kHeld = 64 * 1024 * 1024;
    const std::string held(kHeld, 'x');
    EXPECT_GE(process_resident_bytes(), before + kHeld / 2) << held.size();
}

}  // namespace
}  // namespace kvasir::test
