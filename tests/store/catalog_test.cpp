// Agents, turns, settings, and what opening refuses.
#include "store/catalog.h"

#include <gmock/gmock.h>

#include "store/catalog_fixture.h"
#include "store/catalog_schema.h"
#include "store/sqlite.h"
#include "support/fault_vfs.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

class CatalogTest : public ::testing::Test {
  protected:
    void reopen() {
        catalog_.reset();
        catalog_ = value_of(Catalog::open(path_));
    }

    TemporaryDirectory directory_;
    std::string path_ = directory_.file("kvasir.db");
    std::unique_ptr<Catalog> catalog_ = value_of(Catalog::open(path_));
};

TEST_F(CatalogTest, AnAgentComesBackAsItWasMade) {
    NewAgent asked = new_agent("anna");
    asked.system_prompt = std::string("zero \0 byte", 11);
    const AgentRecord made = value_of(catalog_->create_agent(asked, 1234));
    EXPECT_TRUE(made.head.has_value());
    EXPECT_EQ(made.token_count, 5u);
    EXPECT_EQ(made.turn_count, 0u);
    reopen();
    const AgentRecord found = value_of(catalog_->agent("anna"));
    EXPECT_EQ(found.id, made.id);
    EXPECT_EQ(found.system_prompt, asked.system_prompt);
    EXPECT_EQ(found.type, "tester");
    EXPECT_EQ(found.model_id, asked.model_id);
    EXPECT_EQ(found.model_name, "model");
    EXPECT_EQ(found.model_path, "/models/model.gguf");
    EXPECT_EQ(found.created_unix_ms, 1234);
    EXPECT_EQ(found.last_used_unix_ms, 1234);
    EXPECT_EQ(found.head, made.head);
    EXPECT_EQ(value_of(catalog_->tokens(found.id)), asked.prefix_tokens);
}

TEST_F(CatalogTest, ANameIsTakenOnce) {
    value_of(catalog_->create_agent(new_agent("anna"), 1));
    const auto again = catalog_->create_agent(new_agent("anna"), 2);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kConflict);
    EXPECT_EQ(catalog_->agent("bert").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(value_of(catalog_->totals()).agents, 1u);
}

TEST_F(CatalogTest, AgentsAreListedByNameAndTouched) {
    for (const char* name : {"zoe", "anna", "mia"}) value_of(catalog_->create_agent(new_agent(name), 1));
    const auto agents = value_of(catalog_->agents());
    ASSERT_EQ(agents.size(), 3u);
    EXPECT_EQ(agents[0].name, "anna");
    EXPECT_EQ(agents[2].name, "zoe");
    must(catalog_->touch_agent(agents[1].id, 99));
    EXPECT_EQ(value_of(catalog_->agent("mia")).last_used_unix_ms, 99);
    EXPECT_EQ(catalog_->touch_agent(AgentId{4711}, 1).error().code, ErrorCode::kNotFound);
}

TEST_F(CatalogTest, TurnsFollowTheirHead) {
    value_of(catalog_->create_agent(new_agent("anna"), 1));
    for (std::uint32_t i = 1; i <= 3; ++i) {
        const AgentRecord agent = value_of(catalog_->agent("anna"));
        const TurnRecord turn = value_of(catalog_->commit_turn(next_turn(agent, i), 100 + i));
        EXPECT_EQ(turn.number, i);
        EXPECT_EQ(turn.parent, agent.head);
    }
    reopen();
    const AgentRecord agent = value_of(catalog_->agent("anna"));
    EXPECT_EQ(agent.turn_count, 3u);
    EXPECT_EQ(agent.token_count, 5u + 3 * 7u);
    EXPECT_EQ(agent.last_used_unix_ms, 103);
    const auto turns = value_of(catalog_->turns(agent.id));
    ASSERT_EQ(turns.size(), 4u);
    EXPECT_EQ(turns[0].number, 0u);
    EXPECT_FALSE(turns[0].parent);
    EXPECT_EQ(turns[2].user_text, "question 2");
    EXPECT_EQ(turns[2].tokens, tokens_of(2, 7));
    EXPECT_EQ(turns[2].prompt_token_count, 3u);
    EXPECT_EQ(turns[3].finish_reason, "stop");
    EXPECT_EQ(turns[3].id, *agent.head);
}

TEST_F(CatalogTest, ATurnThatDivergesReplacesTheTail) {
    value_of(catalog_->create_agent(new_agent("anna"), 1));
    value_of(catalog_->commit_turn(next_turn(value_of(catalog_->agent("anna")), 1), 2));
    AgentRecord agent = value_of(catalog_->agent("anna"));
    NewTurn turn = next_turn(agent, 2);
    turn.token_begin = 8;  // inside the first turn
    turn.tokens = {-1, 0, 2147483647, -2147483647 - 1};
    value_of(catalog_->commit_turn(turn, 3));
    std::vector<Token> expected = tokens_of(4, 5);
    const std::vector<Token> first = tokens_of(1, 7);
    expected.insert(expected.end(), first.begin(), first.begin() + 3);
    expected.insert(expected.end(), turn.tokens.begin(), turn.tokens.end());
    EXPECT_EQ(value_of(catalog_->tokens(agent.id)), expected);
    EXPECT_EQ(value_of(catalog_->agent("anna")).token_count, expected.size());
}

TEST_F(CatalogTest, OfTwoTurnsOnOneHeadTheSecondLoses) {
    const AgentRecord agent = value_of(catalog_->create_agent(new_agent("anna"), 1));
    value_of(catalog_->commit_turn(next_turn(agent, 1), 2));
    const std::string before = picture_of(*catalog_);
    const auto lost = catalog_->commit_turn(next_turn(agent, 2), 3);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, ErrorCode::kConflict);
    EXPECT_EQ(picture_of(*catalog_), before);
}

TEST_F(CatalogTest, ATurnMustFitItsAgent) {
    const AgentRecord agent = value_of(catalog_->create_agent(new_agent("anna"), 1));
    NewTurn gap = next_turn(agent, 1);
    gap.token_begin = agent.token_count + 1;
    EXPECT_EQ(catalog_->commit_turn(gap, 2).error().code, ErrorCode::kInvalidArgument);
    NewTurn boast = next_turn(agent, 1);
    boast.prompt_token_count = 8;
    EXPECT_EQ(catalog_->commit_turn(boast, 2).error().code, ErrorCode::kInvalidArgument);
    NewTurn stray = next_turn(agent, 1);
    stray.agent = AgentId{4711};
    EXPECT_EQ(catalog_->commit_turn(stray, 2).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(catalog_->tokens(AgentId{4711}).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(value_of(catalog_->agent("anna")).turn_count, 0u);
}

TEST_F(CatalogTest, SettingsSaltAndFingerprintsOutliveTheRun) {
    const Digest256 salt = catalog_->tenant_salt();
    EXPECT_NE(salt, Digest256{});
    EXPECT_FALSE(value_of(catalog_->setting("colour")));
    must(catalog_->set_setting("colour", "red"));
    must(catalog_->set_setting("colour", "blue"));
    must(catalog_->remember_fingerprint(digest_of(1), digest_of(9), "first"));
    must(catalog_->remember_fingerprint(digest_of(2), digest_of(9), "second"));
    must(catalog_->remember_fingerprint(digest_of(1), digest_of(9), "first again"));
    reopen();
    EXPECT_EQ(catalog_->tenant_salt(), salt);
    EXPECT_EQ(value_of(catalog_->setting("colour")), "blue");
    EXPECT_EQ(value_of(catalog_->fingerprint_text(digest_of(9))), "first again");
    EXPECT_FALSE(value_of(catalog_->fingerprint_text(digest_of(8))));
    TemporaryDirectory other;
    EXPECT_NE(value_of(Catalog::open(other.file("kvasir.db")))->tenant_salt(), salt);
}

TEST_F(CatalogTest, FilesAreForTheirOwnerOnly) {
    value_of(catalog_->create_agent(new_agent("anna"), 1));
    int seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
        EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(0777), std::filesystem::perms(0600))
            << entry.path();
        ++seen;
    }
    EXPECT_GE(seen, 2);  // database and log
}

TEST_F(CatalogTest, ACommitIsSynced) {
    catalog_.reset();
    FaultVfs vfs;
    catalog_ = value_of(Catalog::open(path_, vfs.name()));
    const AgentRecord agent = value_of(catalog_->create_agent(new_agent("anna"), 1));
    vfs.fail_nth(0, VfsFault::kIoError, VfsRepeat::kOnce, VfsCalls::kSyncs);
    value_of(catalog_->commit_turn(next_turn(agent, 1), 2));
    EXPECT_GE(vfs.calls_seen(), 1u);
    catalog_.reset();
}

// What the newest format added is taken out again: so a store of the one before looks.
TEST_F(CatalogTest, AStoreOfTheFormatBeforeIsMigrated) {
    const AgentRecord agent = value_of(catalog_->create_agent(new_agent("anna"), 1));
    value_of(catalog_->commit_turn(next_turn(agent, 1), 2));
    must(catalog_->add_block(append_block(1, {}, 0), digest_of(5), 1));
    const std::string before = picture_of(*catalog_);
    catalog_.reset();
    must(value_of(SqliteConnection::open(path_, {}))
             ->execute("DROP TABLE block_uses; PRAGMA user_version = " + std::to_string(kCatalogFormat - 1)));
    reopen();
    EXPECT_EQ(picture_of(*catalog_), before);
    must(catalog_->check());
    const AgentRecord again = value_of(catalog_->agent("anna"));
    value_of(catalog_->commit_turn(next_turn(again, 2), 3));
    value_of(catalog_->set_references(agent.id, BranchId{1}, {}, digest_of(5), {}, 4));
}

TEST_F(CatalogTest, ANewerFormatIsRefusedAndLeftAlone) {
    catalog_.reset();
    must(value_of(SqliteConnection::open(path_, {}))->execute("PRAGMA user_version = 77"));
    const std::string before = bytes_of_file(path_);
    const auto opened = Catalog::open(path_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kStoreUnusable);
    EXPECT_THAT(opened.error().message, HasSubstr("written by a newer Kvasir (format 77, this one knows " +
                                                  std::to_string(kCatalogFormat) +
                                                  "): upgrade, or choose another store with --home"));
    EXPECT_EQ(bytes_of_file(path_), before);
}

TEST_F(CatalogTest, ADatabaseOfAnotherProgramIsRefused) {
    const std::string path = directory_.file("other.db");
    must(value_of(SqliteConnection::open(path, {}))->execute("CREATE TABLE t (x)"));
    const std::string before = bytes_of_file(path);
    const auto opened = Catalog::open(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kStoreUnusable);
    EXPECT_EQ(bytes_of_file(path), before);
}

TEST_F(CatalogTest, WhatIsNoDatabaseIsRefusedWithAdvice) {
    const std::string path = directory_.file("garbage.db");
    std::ofstream(path) << std::string(20000, 'x');
    const auto opened = Catalog::open(path);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kStoreUnusable);
    EXPECT_THAT(opened.error().message, HasSubstr("kvasir doctor"));
    EXPECT_THAT(opened.error().message, HasSubstr("nothing was changed"));
    EXPECT_EQ(bytes_of_file(path), std::string(20000, 'x'));
}

TEST_F(CatalogTest, ATornFileIsNeverTakenForAnEmptyStore) {
    for (int i = 0; i < 20; ++i)
        value_of(catalog_->create_agent(new_agent("agent" + std::to_string(i), 500), 1));
    catalog_.reset();
    std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
    auto opened = Catalog::open(path_);
    const Status checked = opened ? (*opened)->check() : fail(opened.error());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kStoreUnusable);
}

TEST_F(CatalogTest, CheckFindsWhatSqliteWouldNot) {
    const AgentRecord agent = value_of(catalog_->create_agent(new_agent("anna"), 1));
    value_of(catalog_->commit_turn(next_turn(agent, 1), 2));
    must(catalog_->check());
    catalog_.reset();
    const std::string pristine = bytes_of_file(path_);
    for (const char* sql :
         {"UPDATE agents SET token_count = token_count + 1", "UPDATE turns SET number = 5 WHERE number = 1",
          "UPDATE block_totals SET bytes = 1", "UPDATE agents SET head_turn_id = NULL",
          "PRAGMA foreign_keys = OFF; DELETE FROM turns WHERE number = 0",
          "UPDATE turns SET token_begin = 9 WHERE number = 1"}) {
        std::ofstream(path_, std::ios::binary) << pristine;
        must(value_of(SqliteConnection::open(path_, {}))->execute(sql));
        const Status checked = value_of(Catalog::open(path_))->check();
        ASSERT_FALSE(checked) << sql;
        EXPECT_EQ(checked.error().code, ErrorCode::kStoreUnusable) << sql;
    }
}

TEST_F(CatalogTest, AMissingDirectoryIsNamed) {
    const auto opened = Catalog::open(directory_.file("nowhere/kvasir.db"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kIo);
    EXPECT_THAT(opened.error().message, HasSubstr("nowhere/kvasir.db"));
}

TEST_F(CatalogTest, ASecondOpenerIsTurnedAway) {
    const auto second = Catalog::open(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kStoreInUse);
}

}  // namespace
}  // namespace kvasir::test
