// Watermarks, budget and reserve.
#include "store/disk_budget.h"

#include <gmock/gmock.h>

#include "base/log.h"
#include "store/catalog_fixture.h"
#include "store/disk_fixture.h"
#include "store/paths.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMega = 1000 * 1000;

class DiskBudgetTest : public ::testing::Test {
  protected:
    void SetUp() override { set_log_level(LogLevel::kOff); }
    void TearDown() override { set_log_level(LogLevel::kWarning); }

    bool reserve_exists() const { return std::filesystem::exists(reserve_path(directory_.path())); }

    TemporaryDirectory directory_;
    DiskOfSize disk_;
    DiskBudget budget_{{directory_.path(), 500 * kMega, 1000 * kMega, 2 * kMega}, disk_};
};

TEST_F(DiskBudgetTest, KvIsAdmittedUpToTheBudget) {
    EXPECT_TRUE(budget_.admit_kv(500 * kMega, 0));
    EXPECT_TRUE(budget_.admit_kv(1, 500 * kMega - 1));
    const Status over = budget_.admit_kv(2 * kMega, 499 * kMega);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, ErrorCode::kNoSpace);
    EXPECT_THAT(over.error().message,
                HasSubstr("499.0 MB of 500.0 MB are in use; raise --disk-budget or remove agents"));
    EXPECT_FALSE(budget_.admit_kv(~0ULL, 1));  // no wrapping around
    EXPECT_FALSE(budget_.admit_kv(1, ~0ULL));
}

TEST_F(DiskBudgetTest, KvStopsAtTheFirstWatermarkTurnsGoOn) {
    disk_.free = 1100 * kMega;
    EXPECT_TRUE(budget_.admit_kv(100 * kMega, 0));
    const Status low = budget_.admit_kv(101 * kMega, 0);
    ASSERT_FALSE(low);
    EXPECT_EQ(low.error().code, ErrorCode::kNoSpace);
    EXPECT_THAT(low.error().message, HasSubstr("less than 1.0 GB: 1.1 GB are free"));
    disk_.free = 999 * kMega;
    EXPECT_FALSE(budget_.admit_kv(0, 0));
    EXPECT_TRUE(budget_.admit_turn());
}

TEST_F(DiskBudgetTest, TheReserveIsRealBytesAndMadeOnce) {
    ASSERT_TRUE(budget_.make_reserve());
    EXPECT_EQ(std::filesystem::file_size(reserve_path(directory_.path())), 2 * kMega);
    const std::string bytes = bytes_of_file(reserve_path(directory_.path()));
    EXPECT_LT(std::count(bytes.begin(), bytes.end(), '\0'),
              20000);  // nothing that a file system could leave out
    const auto written = std::filesystem::last_write_time(reserve_path(directory_.path()));
    ASSERT_TRUE(budget_.make_reserve());
    EXPECT_EQ(std::filesystem::last_write_time(reserve_path(directory_.path())), written);
    EXPECT_EQ(budget_.reserve_bytes(), 2 * kMega);
    DiskBudget larger({directory_.path(), 1, 1, 3 * kMega}, disk_);
    ASSERT_TRUE(larger.make_reserve());
    EXPECT_EQ(std::filesystem::file_size(reserve_path(directory_.path())), 3 * kMega);
}

TEST_F(DiskBudgetTest, WithoutSpaceForTheReserveItSaysWhatItNeeds) {
    disk_.free = kMega;
    const Status made = budget_.make_reserve();
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kNoSpace);
    EXPECT_THAT(made.error().message, HasSubstr("needs 2.0 MB"));
    EXPECT_THAT(made.error().message, HasSubstr("1.0 MB are free"));
    EXPECT_FALSE(reserve_exists());
}

TEST_F(DiskBudgetTest, OnAFullDiskTheReserveGoesFirstThenTurnsAreRefusedAndSpaceBringsAllBack) {
    ASSERT_TRUE(budget_.make_reserve());
    disk_.free = 0;
    EXPECT_TRUE(budget_.admit_turn());
    EXPECT_FALSE(reserve_exists());
    EXPECT_EQ(budget_.reserve_bytes(), 0u);

    disk_.free = 2 * kMega;  // what the reserve gave: turns are committed from it
    EXPECT_TRUE(budget_.admit_turn());
    EXPECT_FALSE(reserve_exists());

    disk_.free = kMega - 1;
    const Status refused = budget_.admit_turn();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
    EXPECT_THAT(refused.error().message, HasSubstr("nothing old is lost"));

    disk_.free = 3 * kMega;  // a little space: turns, but not yet the reserve
    EXPECT_TRUE(budget_.admit_turn());
    EXPECT_FALSE(reserve_exists());
    disk_.free = 4 * kMega;
    EXPECT_TRUE(budget_.admit_turn());
    EXPECT_TRUE(reserve_exists());
    EXPECT_EQ(budget_.reserve_bytes(), 2 * kMega);
}

TEST_F(DiskBudgetTest, ErasingGetsTheReserveWhenNothingElseIsLeftAndIsNeverRefused) {
    ASSERT_TRUE(budget_.make_reserve());
    disk_.free = kMega;
    EXPECT_TRUE(budget_.make_room_to_erase());
    EXPECT_TRUE(reserve_exists()) << "there was room";
    disk_.free = kMega - 1;
    EXPECT_TRUE(budget_.make_room_to_erase());
    EXPECT_FALSE(reserve_exists());
    EXPECT_EQ(budget_.reserve_bytes(), 0u);
    EXPECT_TRUE(budget_.make_room_to_erase());
    EXPECT_FALSE(budget_.admit_turn());
}

TEST_F(DiskBudgetTest, AReserveThatSomebodyDeletedIsNoObstacle) {
    ASSERT_TRUE(budget_.make_reserve());
    std::filesystem::remove(reserve_path(directory_.path()));
    disk_.free = 0;
    EXPECT_TRUE(budget_.admit_turn());
    EXPECT_FALSE(budget_.admit_turn());
}

TEST(ReadableBytesTest, PicksTheUnit) {
    EXPECT_EQ(readable_bytes(7), "7 B");
    EXPECT_EQ(readable_bytes(12500), "12.5 KB");
    EXPECT_EQ(readable_bytes(64 * kMega), "64.0 MB");
    EXPECT_EQ(readable_bytes(1500 * kMega), "1.5 GB");
}

}  // namespace
}  // namespace kvasir::test
