// Catalogs that older programs made: catalog_format_1_dump.sql is what SQLite's .dump says of one that
// `kvasir` of format 1 wrote (two agents, one of them a fork, a rollback, an Idempotency-Key).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/catalog.h"
#include "store/catalog_fixture.h"
#include "store/catalog_schema.h"
#include "store/sqlite.h"

namespace kvasir::test {
namespace {

class CatalogUpgrade : public ::testing::Test {
  protected:
    CatalogUpgrade() {
        const auto connection = value_of(SqliteConnection::open(path_, ""));
        must(connection->execute(bytes_of_file(KVASIR_STORE_TESTS_DIR "/catalog_format_1_dump.sql")));
        must(connection->execute("PRAGMA application_id = " + std::to_string(kCatalogApplication)));
        must(connection->execute("PRAGMA user_version = 1"));
    }
    std::int64_t format() {
        return value_of(value_of(SqliteConnection::open(path_, ""))->query_int("PRAGMA user_version"));
    }

    TemporaryDirectory directory_;
    std::string path_ = directory_.file("kvasir.db");
};

TEST_F(CatalogUpgrade, FormatOneBecomesThePresentOneAndSaysTheSame) {
    ASSERT_EQ(format(), 1);
    std::string picture;
    {
        const auto catalog = value_of(Catalog::open(path_));
        must(catalog->check());
        const auto agents = value_of(catalog->agents());
        ASSERT_EQ(agents.size(), 2U);
        for (const AgentRecord& agent : agents) {
            EXPECT_EQ(agent.made_by, MadeBy::kUser) << "what was made before never expires";
            EXPECT_EQ(agent.pinned, Pinned::kNo);
            EXPECT_EQ(agent.title, "");
            EXPECT_EQ(agent.parent, "");
            EXPECT_EQ(value_of(catalog->tokens(agent.id)).size(), agent.token_count);
        }
        EXPECT_EQ(agents[0].name, "ada");
        EXPECT_EQ(agents[0].turn_count, 1U) << "it went back";
        EXPECT_EQ(agents[1].name, "bob");
        EXPECT_EQ(agents[1].turn_count, 2U);
        EXPECT_FALSE(value_of(catalog->referenced_blocks(agents[0].id)).empty());
        picture = picture_of(*catalog);
    }
    EXPECT_EQ(format(), kCatalogFormat);
    const auto again = value_of(Catalog::open(path_));
    EXPECT_EQ(picture_of(*again), picture);
    AgentChange change;
    change.pinned = Pinned::kYes;
    EXPECT_EQ(value_of(again->change_agent("ada", change)).pinned, Pinned::kYes);
    value_of(again->create_agent(new_agent("carl"), 1));
    value_of(again->erase_agent(value_of(again->agent("bob")).id));
    must(again->check());
}

TEST_F(CatalogUpgrade, ANewCatalogHasThePresentFormat) {
    path_ = directory_.file("new.db");
    value_of(Catalog::open(path_));
    EXPECT_EQ(format(), kCatalogFormat);
}

}  // namespace
}  // namespace kvasir::test
