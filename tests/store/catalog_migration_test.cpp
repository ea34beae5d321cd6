// A catalog of an older format becomes one of this format, all or nothing, and nothing of it is lost.
#include <gmock/gmock.h>

#include "store/catalog_fixture.h"
#include "store/catalog_schema.h"
#include "store/catalog_sqlite.h"
#include "store/sqlite.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;

class CatalogMigration : public ::testing::Test {
  protected:
    // As the program of that format left it.
    void write_old(const char* more = "") {
        const auto db = value_of(SqliteConnection::open(path_, {}));
        must(db->execute(bytes_of_file(KVASIR_STORE_TESTS_DIR "/catalog_format_1.sql")));
        must(db->execute(more));
    }

    TemporaryDirectory directory_;
    std::string path_ = directory_.file("kvasir.db");
};

TEST_F(CatalogMigration, NothingOfFormatOneIsLost) {
    write_old();
    for (int start = 0; start < 2; ++start) {
        const auto catalog = value_of(SqliteCatalog::open_file(path_, {}));
        must(catalog->check());
        EXPECT_EQ(catalog->tenant_salt(), digest_of(7));
        const AgentRecord ada = value_of(catalog->agent("ada"));
        EXPECT_THAT(value_of(catalog->tokens(ada.id)), ElementsAre(11, 12, 13, 14, 15));
        EXPECT_THAT(names_of(value_of(catalog->branch_blocks(ada.id, BranchId{1}))),
                    ElementsAre(digest_of(100), digest_of(101)));
        const auto append = value_of(catalog->block(BlockKind::kAppend, digest_of(100)));
        ASSERT_TRUE(append);
        EXPECT_EQ(append->header_hash, digest_of(200));
        EXPECT_EQ(append->range, (TokenRange{0, 4}));
        const CatalogTotals totals = value_of(catalog->totals());
        EXPECT_EQ(totals.blocks, 1u);
        EXPECT_EQ(totals.windows, 1u);
        EXPECT_EQ(totals.block_bytes, 1100u + 1101u);
        const auto pending = value_of(catalog->pending_removals());
        ASSERT_EQ(pending.size(), 1u);
        EXPECT_EQ(pending.front().name, digest_of(103));
        EXPECT_EQ(value_of(catalog->find_idempotent(ada.id, "key")), TurnId{2});
    }
}

TEST_F(CatalogMigration, WhatComesAfterItWorks) {
    write_old();
    const auto catalog = value_of(SqliteCatalog::open_file(path_, {}));
    const AgentRecord ada = value_of(catalog->agent("ada"));
    const StoredBlock snapshot = snapshot_block(300, digest_of(100), 0, 4);
    value_of(catalog->set_references(ada.id, BranchId{1}, std::vector{snapshot}, digest_of(1),
                                     std::vector{digest_of(100), digest_of(101), digest_of(300)}, 5));
    EXPECT_EQ(value_of(catalog->totals()).snapshots, 1u);
    EXPECT_THAT(value_of(catalog->restore_positions(ada.id, digest_of(1), 4)), ElementsAre(4u));
    const ErasedBlocks erased = value_of(catalog->erase_agent(ada.id));
    // Two files are in use, one is new, one lies in quarantine.
    EXPECT_EQ(erased.removed.size(), 4u);
    must(catalog->check());
}

TEST_F(CatalogMigration, ADamagedOneStaysAsItIs) {
    write_old("PRAGMA foreign_keys = OFF; INSERT INTO block_references VALUES (1, 1, 99, 1)");
    const std::string before = bytes_of_file(path_);
    const auto refused = Catalog::open(path_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kStoreUnusable);
    const auto db = value_of(SqliteConnection::open(path_, {}));
    EXPECT_EQ(value_of(db->query_int("PRAGMA user_version")), 1);
    EXPECT_EQ(value_of(db->query_int("SELECT count(*) FROM blocks")), 2);
}

}  // namespace
}  // namespace kvasir::test
