// Blocks, who refers to them, and what becomes of those that nobody needs.
#include <chrono>

#include <gmock/gmock.h>

#include "store/catalog_fixture.h"
#include "store/catalog_sqlite.h"
#include "store/sqlite.h"

namespace kvasir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const Digest256 kFingerprint = digest_of(500);

class CatalogBlocksTest : public ::testing::Test {
  protected:
    AgentId make(const std::string& name) { return value_of(catalog_->create_agent(new_agent(name), 1)).id; }
    std::vector<StoredBlock> refer(AgentId agent, const std::vector<StoredBlock>& blocks,
                                   const std::vector<BlockName>& names) {
        return value_of(catalog_->set_references(agent, BranchId{1}, blocks, kFingerprint, names, 10));
    }

    TemporaryDirectory directory_;
    std::unique_ptr<SqliteCatalog> catalog_ =
        value_of(SqliteCatalog::open_file(directory_.file("kvasir.db"), {}));
};

TEST_F(CatalogBlocksTest, ABlockComesBackAsItWasAdded) {
    const StoredBlock block = append_block(1, digest_of(9), 256, 100);
    must(catalog_->add_block(block, kFingerprint, 1));
    const auto found = value_of(catalog_->block(BlockKind::kAppend, block.name));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, block.kind);
    EXPECT_EQ(found->parent, block.parent);
    EXPECT_EQ(found->range, block.range);
    EXPECT_EQ(found->tokens, block.tokens);
    EXPECT_EQ(found->header_hash, block.header_hash);
    EXPECT_EQ(found->file_bytes, block.file_bytes);
    EXPECT_FALSE(value_of(catalog_->block(BlockKind::kWindow, block.name)));
    EXPECT_FALSE(value_of(catalog_->block(BlockKind::kAppend, digest_of(2))));
}

TEST_F(CatalogBlocksTest, TheFirstWriterWins) {
    StoredBlock block = append_block(1, {}, 0);
    must(catalog_->add_block(block, kFingerprint, 1));
    block.file_bytes = 5;
    must(catalog_->add_block(block, kFingerprint, 2));
    EXPECT_EQ(value_of(catalog_->block(BlockKind::kAppend, block.name))->file_bytes, 1001u);
    EXPECT_EQ(value_of(catalog_->totals()).block_bytes, 1001u);
    block.tokens.pop_back();
    EXPECT_EQ(catalog_->add_block(block, kFingerprint, 2).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CatalogBlocksTest, RestorePositionsAreTheAgentsOwnHighestFirst) {
    const AgentId anna = make("anna");
    const AgentId bert = make("bert");
    const std::vector<StoredBlock> annas = {
        append_block(1, {}, 0, 200), window_block(2, digest_of(1), 100, 100),
        snapshot_block(3, digest_of(1), 0, 200), snapshot_block(4, digest_of(9), 0, 90)};
    refer(anna, annas, names_of(annas));
    refer(bert, {snapshot_block(5, digest_of(8), 0, 80)}, {digest_of(5)});
    EXPECT_THAT(value_of(catalog_->restore_positions(anna, kFingerprint, 1000)), ElementsAre(200u, 90u));
    EXPECT_THAT(value_of(catalog_->restore_positions(anna, kFingerprint, 199)), ElementsAre(90u));
    EXPECT_THAT(value_of(catalog_->restore_positions(anna, digest_of(501), 1000)), IsEmpty());
    EXPECT_EQ(value_of(catalog_->totals()).snapshots, 3u);
    // Not needed any more: window and snapshots go, like partial blocks.
    EXPECT_THAT(names_of(refer(anna, {}, {})),
                UnorderedElementsAre(digest_of(1), digest_of(2), digest_of(3), digest_of(4)));
}

TEST_F(CatalogBlocksTest, ChildrenAreOfOneParentAndFingerprintNewestFirst) {
    must(catalog_->add_block(append_block(1, {}, 0), kFingerprint, 1));
    must(catalog_->add_block(append_block(2, {}, 0), digest_of(501), 2));
    must(catalog_->add_block(append_block(3, digest_of(1), 256), kFingerprint, 3));
    must(catalog_->add_block(append_block(4, digest_of(1), 256, 9), kFingerprint, 5));
    must(catalog_->add_block(append_block(5, digest_of(1), 256, 10), kFingerprint, 4));
    must(catalog_->add_block(window_block(6, digest_of(1), 100, 156), kFingerprint, 6));
    must(catalog_->add_block(window_block(7, digest_of(1), 50, 50), kFingerprint, 7));
    EXPECT_THAT(names_of(value_of(catalog_->children({}, kFingerprint))), ElementsAre(digest_of(1)));
    EXPECT_THAT(names_of(value_of(catalog_->children(digest_of(1), kFingerprint))),
                ElementsAre(digest_of(4), digest_of(5), digest_of(3)));
    EXPECT_THAT(names_of(value_of(catalog_->windows_ending_at(digest_of(1)))),
                ElementsAre(digest_of(7), digest_of(6)));
    const CatalogTotals totals = value_of(catalog_->totals());
    EXPECT_EQ(totals.blocks, 5u);
    EXPECT_EQ(totals.windows, 2u);
    EXPECT_EQ(totals.block_bytes, 7 * 1000u + 28u);
}

TEST_F(CatalogBlocksTest, PartialBlocksAndWindowsGoWhenSupersededFullOnesStay) {
    const AgentId anna = make("anna");
    const StoredBlock full = append_block(1, {}, 0);
    const StoredBlock part = append_block(2, full.name, 256, 10);
    const StoredBlock window = window_block(3, part.name, 200, 56);
    EXPECT_THAT(refer(anna, {full, part, window}, {full.name, part.name, window.name}), IsEmpty());
    EXPECT_THAT(names_of(value_of(catalog_->referenced_blocks(anna))),
                UnorderedElementsAre(full.name, part.name, window.name));

    const StoredBlock longer = append_block(4, full.name, 256, 30);
    const auto dropped = refer(anna, {longer}, {full.name, longer.name});
    EXPECT_THAT(names_of(dropped), UnorderedElementsAre(part.name, window.name));
    EXPECT_FALSE(value_of(catalog_->block(BlockKind::kAppend, part.name)));

    const StoredBlock other = append_block(5, {}, 0);
    EXPECT_THAT(names_of(refer(anna, {other}, {other.name})), ElementsAre(longer.name));
    EXPECT_TRUE(value_of(catalog_->block(BlockKind::kAppend, full.name)));
    EXPECT_THAT(names_of(value_of(catalog_->referenced_blocks(anna))), ElementsAre(other.name));
    must(catalog_->check());
}

TEST_F(CatalogBlocksTest, WhatAnotherAgentNeedsStays) {
    const AgentId anna = make("anna");
    const AgentId bert = make("bert");
    const StoredBlock part = append_block(1, {}, 0, 10);
    refer(anna, {part}, {part.name});
    refer(bert, {part}, {part.name});
    EXPECT_THAT(refer(anna, {}, {}), IsEmpty());
    EXPECT_THAT(names_of(refer(bert, {}, {})), ElementsAre(part.name));
}

TEST_F(CatalogBlocksTest, AReferenceToNothingChangesNothing) {
    const AgentId anna = make("anna");
    const StoredBlock part = append_block(1, {}, 0, 10);
    refer(anna, {part}, {part.name});
    const std::string before = picture_of(*catalog_);
    const std::vector<StoredBlock> more = {append_block(2, {}, 0, 11)};
    const std::vector<BlockName> names = {digest_of(2), digest_of(3)};
    EXPECT_EQ(catalog_->set_references(anna, BranchId{1}, more, kFingerprint, names, 1).error().code,
              ErrorCode::kNotFound);
    EXPECT_EQ(catalog_->set_references(AgentId{99}, BranchId{1}, more, kFingerprint, {}, 1).error().code,
              ErrorCode::kNotFound);
    EXPECT_EQ(picture_of(*catalog_), before);
}

TEST_F(CatalogBlocksTest, ErasingTakesWhatTheAgentAloneUsed) {
    const AgentId anna = make("anna");
    const AgentId bert = make("bert");
    const StoredBlock shared = append_block(1, {}, 0);
    const StoredBlock former = append_block(2, shared.name, 256);
    const StoredBlock own = append_block(3, shared.name, 256);
    const StoredBlock part = append_block(4, own.name, 512, 3);
    const StoredBlock window = window_block(5, part.name, 400, 112);
    refer(anna, {shared, former}, {shared.name, former.name});
    refer(anna, {own, part, window}, {shared.name, own.name, part.name, window.name});
    refer(bert, {}, {shared.name});
    must(catalog_->add_block(append_block(6, own.name, 512, 9), kFingerprint, 1));  // below hers, of nobody
    must(catalog_->add_block(append_block(7, shared.name, 256, 9), kFingerprint, 1));

    const ErasedBlocks erased = value_of(catalog_->erase_agent(anna));
    EXPECT_THAT(names_of(erased.removed),
                UnorderedElementsAre(former.name, own.name, part.name, window.name, digest_of(6)));
    EXPECT_THAT(names_of(erased.shared), ElementsAre(shared.name));
    EXPECT_EQ(erased.turns, 0u);
    EXPECT_EQ(erased.tokens, 5u);
    EXPECT_EQ(catalog_->agent("anna").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(catalog_->erase_agent(anna).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(value_of(catalog_->totals()).blocks, 2u);
    EXPECT_EQ(value_of(catalog_->pending_removals()).size(), 5u);
    must(catalog_->check());
    EXPECT_NE(make("anna"), anna);  // ids are never used twice
}

TEST_F(CatalogBlocksTest, AQuarantinedBlockIsStillFoundByErasure) {
    const AgentId anna = make("anna");
    const StoredBlock bad = append_block(1, {}, 0);
    const StoredBlock rewritten = append_block(2, {}, 0);
    refer(anna, {bad, rewritten}, {bad.name, rewritten.name});
    must(catalog_->drop_block(BlockKind::kAppend, bad.name));
    must(catalog_->drop_block(BlockKind::kAppend, rewritten.name));
    EXPECT_THAT(value_of(catalog_->referenced_blocks(anna)), IsEmpty());
    EXPECT_THAT(value_of(catalog_->pending_removals()), IsEmpty());
    const AgentId bert = make("bert");
    refer(bert, {rewritten}, {rewritten.name});  // the same words again, now somebody else's
    EXPECT_THAT(names_of(value_of(catalog_->erase_agent(anna)).removed), ElementsAre(bad.name));
    EXPECT_THAT(names_of(value_of(catalog_->referenced_blocks(bert))), ElementsAre(rewritten.name));
}

TEST_F(CatalogBlocksTest, ARowThatIsBackIsNoPendingRemoval) {
    const AgentId anna = make("anna");
    const StoredBlock part = append_block(1, {}, 0, 10);
    refer(anna, {part}, {part.name});
    refer(anna, {}, {});
    EXPECT_EQ(value_of(catalog_->pending_removals()).size(), 1u);
    refer(anna, {part}, {part.name});
    EXPECT_THAT(value_of(catalog_->pending_removals()), IsEmpty());
}

// 200,000 blocks and 100 agents. Opening and asking must take less than reading the table once would.
TEST(CatalogScaleTest, ALargeCatalogOpensAndAnswersAtOnce) {
    TemporaryDirectory directory;
    const std::string path = directory.file("kvasir.db");
    {
        auto catalog = value_of(Catalog::open(path));
        for (int i = 0; i < 100; ++i)
            value_of(catalog->create_agent(new_agent("agent" + std::to_string(i)), 1));
    }
    {
        auto raw = value_of(SqliteConnection::open(path, {}));
        must(raw->execute(
            "PRAGMA synchronous = OFF; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
            "i < 200000) INSERT INTO blocks (kind, name, parent, fingerprint, range_begin, range_end, "
            "tokens, "
            "header_hash, file_bytes, created_unix_ms) SELECT 0, randomblob(32), randomblob(32), "
            "zeroblob(32), 0, 256, zeroblob(1024), zeroblob(32), 8000000, i FROM n; "
            "PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    const auto start = std::chrono::steady_clock::now();
    auto catalog = value_of(Catalog::open(path));
    EXPECT_EQ(value_of(catalog->totals()).blocks, 200000u);
    EXPECT_THAT(value_of(catalog->children(digest_of(1), digest_of(2))), IsEmpty());
    EXPECT_THAT(value_of(catalog->windows_ending_at(digest_of(1))), IsEmpty());
    EXPECT_FALSE(value_of(catalog->block(BlockKind::kAppend, digest_of(1))));
    EXPECT_EQ(value_of(catalog->agents()).size(), 100u);
    const auto took = std::chrono::steady_clock::now() - start;
    catalog.reset();
    auto raw = value_of(SqliteConnection::open(path, {}));
    const auto scan_start = std::chrono::steady_clock::now();
    value_of(raw->query_int("SELECT sum(file_bytes) FROM blocks"));
    const auto scan = std::chrono::steady_clock::now() - scan_start;
    const auto microseconds = [](auto time) {
        return static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
    };
    RecordProperty("open_and_ask_us", microseconds(took));
    RecordProperty("scan_us", microseconds(scan));
    EXPECT_LT(took, scan);
    EXPECT_LT(took, std::chrono::milliseconds(250));
}

}  // namespace
}  // namespace kvasir::test
