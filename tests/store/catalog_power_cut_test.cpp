// Power cuts: only what was synced is left, and a failed sync has lost its data although a second one
// succeeds.

#include "base/log.h"
#include "store/catalog_fixture.h"
#include "store/sqlite.h"
#include "support/fault_vfs.h"

namespace kvasir::test {
namespace {

std::vector<std::string> texts_after_power_cut(const FaultVfs& vfs) {
    TemporaryDirectory after;
    vfs.save_durable_files(after.path());
    auto catalog = value_of(Catalog::open(after.file("kvasir.db")));
    must(catalog->check());
    std::vector<std::string> texts;
    for (const TurnRecord& turn : value_of(catalog->turns(value_of(catalog->agent("anna")).id)))
        texts.push_back(turn.user_text);
    return texts;
}

// Every acknowledged turn, in order. A turn that was reported as failed may be there too.
bool has_all(const std::vector<std::string>& texts, const std::vector<std::string>& acknowledged) {
    std::size_t next = 0;
    for (const std::string& text : texts)
        if (next < acknowledged.size() && text == acknowledged[next]) ++next;
    return next == acknowledged.size();
}

class CatalogPowerCutTest : public ::testing::Test {
  protected:
    void SetUp() override {
        set_log_level(LogLevel::kOff);
        value_of(catalog_->create_agent(new_agent("anna"), 1));
    }
    void TearDown() override { set_log_level(LogLevel::kWarning); }

    // Commits a turn, with the nth sync failing (0: none); notes it if it was acknowledged.
    bool say(std::uint32_t number, std::uint64_t failing_sync, std::size_t tokens) {
        const NewTurn turn = next_turn(value_of(catalog_->agent("anna")), number, tokens);
        vfs_.fail_nth(failing_sync, VfsFault::kIoError, VfsRepeat::kOnce, VfsCalls::kSyncs);
        const bool committed = catalog_->commit_turn(turn, number).has_value();
        vfs_.heal();
        if (committed) acknowledged_.push_back(turn.user_text);
        return committed;
    }

    TemporaryDirectory directory_;
    FaultVfs vfs_;
    std::unique_ptr<Catalog> catalog_ = value_of(Catalog::open(directory_.file("kvasir.db"), vfs_.name()));
    std::vector<std::string> acknowledged_;
};

TEST_F(CatalogPowerCutTest, EveryAcknowledgedTurnIsThereAfterACutAtAnyMoment) {
    for (std::uint32_t number = 1; number <= 60; ++number) {
        say(number, 0, 9000);  // large, so that the log is written back into the database meanwhile
        ASSERT_TRUE(has_all(texts_after_power_cut(vfs_), acknowledged_)) << number;
    }
    EXPECT_EQ(acknowledged_.size(), 60u);
}

TEST_F(CatalogPowerCutTest, AFailedSyncCostsOnlyTheTurnThatWasToldSo) {
    int refused = 0;
    for (std::uint32_t number = 1; number <= 90; ++number) {
        if (!say(number, number % 3 == 0 ? 1 + number / 3 % 4 : 0, 9000)) ++refused;
        ASSERT_TRUE(has_all(texts_after_power_cut(vfs_), acknowledged_)) << number;
    }
    EXPECT_GE(refused, 5);
    EXPECT_GE(acknowledged_.size(), 60u);
}

TEST_F(CatalogPowerCutTest, AfterAFailedSyncTheDatabaseIsOpenedAnew) {
    const std::uint64_t opens = vfs_.opens_seen();
    EXPECT_TRUE(say(1, 0, 10));
    EXPECT_EQ(vfs_.opens_seen(), opens);
    EXPECT_FALSE(say(2, 1, 10));
    EXPECT_GT(vfs_.opens_seen(), opens);
    EXPECT_TRUE(say(3, 0, 10));
}

// Control: the same turns written without the sync of every commit are not all there.
TEST_F(CatalogPowerCutTest, ControlWithoutSyncsACutLosesTurns) {
    say(1, 0, 10);
    ASSERT_TRUE(has_all(texts_after_power_cut(vfs_), acknowledged_));
    catalog_.reset();
    auto raw = value_of(SqliteConnection::open(directory_.file("kvasir.db"), vfs_.name()));
    must(
        raw->execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = NORMAL; "
                     "UPDATE turns SET user_text = 'changed' WHERE number = 1"));
    EXPECT_FALSE(has_all(texts_after_power_cut(vfs_), {"changed"}));
    must(raw->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    EXPECT_TRUE(has_all(texts_after_power_cut(vfs_), {"changed"}));
}

}  // namespace
}  // namespace kvasir::test
